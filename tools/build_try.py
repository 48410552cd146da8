"""Builds the page on which the network runs in the reader's browser: site/en/try.html, site/zh/try.html and site/try/.

    build_try.py [FOLDER] [WEIGHTS]     default: site/, data/weights/. Only this page, into a site that is there already

Compiles cmd/browser to WebAssembly and packs it, the weights and some images into scripts, because a page from file:// may load
scripts and no other files. The page's own files are in tools/site/try/. build_site.py calls build.
"""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tools" / "site" / "try"
WEIGHTS = ROOT / "data" / "weights"
IMAGES = ROOT / "data" / "cifar10-jpeg.tar.gz"
HOME = "../index.html?en"  # the English first page, whatever the browser's language: see tools/site/index.html
LIMIT = 10_000_000  # bytes of what a reader loads: the page, the program and the chapter's weights
PER_CLASS = {"train": 40, "test": 10}
SLIDERS = [  # id, lowest, highest, step, initial value; the temperature's are powers of ten
    ("shiftX", -16, 16, 1, 0), ("shiftY", -16, 16, 1, 0), ("brightness", -0.6, 0.6, 0.02, 0),
    ("square", 0, 24, 1, 0), ("squareX", 0, 31, 1, 10), ("squareY", 0, 31, 1, 10), ("temperature", -1, 1, 0.02, 0)]


def pack(path, name, data):
    """Writes bytes as a script that sets window.packed[name].

    In UTF-16, which its byte order mark announces, each character from U+4000 to U+BFFF has 15 bits: 7 % more than the bytes,
    where base64 is a third more.
    """
    bits = int.from_bytes(data, "big") << -8 * len(data) % 15
    count = (8 * len(data) + 14) // 15
    text = []
    while count > 0:  # in blocks: shifting a large number by 15 bits for each character would take minutes
        block = min(count, 4096)
        count -= block
        part = bits >> 15 * count
        bits -= part << 15 * count
        text.append("".join(chr(0x4000 + (part >> 15 * (block - 1 - i) & 0x7FFF)) for i in range(block)))
    script = f'(window.packed ??= {{}}).{name} = {{ length: {len(data)}, data: "{"".join(text)}" }};\n'
    path.write_bytes(script.encode("utf-16"))


def program():
    """The gzipped WebAssembly program."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "browser.wasm")
        subprocess.run(["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./cmd/browser"], cwd=ROOT, check=True,
                       env={**os.environ, "GOOS": "js", "GOARCH": "wasm", "GOEXPERIMENT": ""})
        return gzip.compress(out.read_bytes(), 9, mtime=0)


def runtime():
    """Go's JavaScript for WebAssembly programs, of the same version as the compiler."""
    root = subprocess.run(["go", "env", "GOROOT"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    return Path(root, "lib", "wasm", "wasm_exec.js").read_text(encoding="utf-8")


def images(split):
    """The first images of each class, as a gzipped tar archive of JPEG files."""
    out, taken = io.BytesIO(), {}
    with tarfile.open(IMAGES) as all_images, tarfile.open(fileobj=out, mode="w") as some:
        for member in all_images:
            kind = member.name.partition("_")[2]
            if member.name.startswith(split + "/") and taken.get(kind, 0) < PER_CLASS[split]:
                taken[kind] = taken.get(kind, 0) + 1
                some.addfile(member, all_images.extractfile(member))
    return gzip.compress(out.getvalue(), 9, mtime=0)


def build(folder, write, weights=WEIGHTS):
    """Writes the page's files, those from a template with build_site.write. Without the chapter's weights there is no page."""
    chapter, modern = weights / "library.safetensors.gz", weights / "modern.safetensors.gz"
    if not chapter.exists():
        print(f"try: {chapter} is missing, so there is no page with the network", file=sys.stderr)
        return
    target = folder / "try"
    target.mkdir(parents=True, exist_ok=True)
    pack(target / "wasm.js", "wasm", program())
    pack(target / "chapter.js", "chapter", chapter.read_bytes())
    for split in PER_CLASS:
        pack(target / f"{split}.js", split, images(split))
    if modern.exists():
        pack(target / "modern.js", "modern", modern.read_bytes())
    source = runtime() + (SOURCE / "worker.js").read_text(encoding="utf-8")
    (target / "worker.js").write_text(f"window.workerSource = {json.dumps(source)};\n", encoding="utf-8")
    (target / "try.js").write_bytes((SOURCE / "try.js").read_bytes())
    for n, (language, home, other) in enumerate((("en", HOME, "zh"), ("zh", "index.html", "en"))):
        strings = texts(n)
        write(folder / language / "try.html", "try/try.html", language=language, root="../", home=home, other=f"../{other}/try.html",
              title=strings["title"], source="cmd/browser", s=strings, strings=json.dumps(strings, ensure_ascii=False).replace("<", "\\u003c"),
              modern=modern.exists(), sliders=SLIDERS)
    size = sum(path.stat().st_size for path in [*target.glob("*.js"), folder / "en" / "try.html"] if path.name != "modern.js")
    print(f"try: {size / 1e6:.2f} MB: " + ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f}" for path in sorted(target.glob("*.js"))))
    if size > LIMIT:
        sys.exit(f"try: {size} bytes, want at most {LIMIT}")


def texts(n):
    """The page's texts: in English if n is 0, in Chinese if it is 1."""
    strings = {key: value[n] for key, value in json.loads((SOURCE / "strings.json").read_text(encoding="utf-8")).items()}
    for key, value in {"n": 10 * PER_CLASS["train"], "t": 10 * PER_CLASS["test"], "b": batch_size()}.items():
        strings["trainText"] = strings["trainText"].replace("{" + key + "}", str(value))
    return strings


def batch_size():
    for line in (ROOT / "pkg" / "playground" / "train.go").read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("BatchSize"):
            return int(line.split("=")[1])
    sys.exit("try: pkg/playground/train.go has no BatchSize")


if __name__ == "__main__":
    import build_site  # which imports this module

    if len(sys.argv) > 1 and sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site", build_site.write, *map(Path, sys.argv[2:3]))
