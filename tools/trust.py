"""Signs the project's own notebooks, so that JupyterLab shows the figures saved in them.

    trust.py            signs each notebook whose SHA-256 is in notebooks/SHA256SUMS, and the Chinese ones made from those
    trust.py check      fails if SHA256SUMS does not match the committed notebooks: `make text` runs it
    trust.py update     rewrites SHA256SUMS: `make digests`, after a notebook was changed

JupyterLab hides figures and runs no scripts in the saved outputs of an unsigned notebook. A signature says that the reader trusts
them, so nothing is signed that came from elsewhere or was changed since; running its cells signs a notebook too.
"""

import hashlib
import shutil
import subprocess
import sys

import nbformat
from nbformat.sign import NotebookNotary

import project_files
import translate

SUMS = "SHA256SUMS"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def sums():
    """{file name: SHA-256} of SHA256SUMS."""
    return project_files.sums(translate.SOURCE / SUMS)


def content(path):
    """The bytes of a file; none if it cannot be read or is no file, such as a FIFO, which would wait for ever."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def own():
    """(path, notebook) of all to sign: those that match SHA256SUMS, and the Chinese ones that equal what translate.py makes of them."""
    known = sums()
    for path in translate.notebooks():
        data = content(path)
        if known.get(path.name) != digest(data):
            continue
        nb = nbformat.reads(data.decode(), as_version=4)
        yield path, nb
        made, chinese = translate.chinese_path(path), translate.chinese_notebook(path, nb)
        if content(made).rstrip(b"\n") == nbformat.writes(chinese).rstrip("\n").encode():
            yield made, chinese


def sign(nb):
    """Signs a notebook for this user. Only for outputs that are the project's own, or of cells that this user has just run."""
    with NotebookNotary() as notary:
        notary.sign(nb)


def unsigned():
    """The names of the notebooks whose saved outputs JupyterLab will restrict."""
    with NotebookNotary() as notary:
        for path in sorted(translate.SOURCE.glob("*.ipynb")):
            if not path.is_file():  # opening a FIFO would wait for ever
                continue
            try:
                nb = nbformat.read(path, as_version=4)
                known = notary.check_signature(nb) or notary.check_cells(nb)
            except Exception:  # of whatever kind: a reader's damaged notebook must not keep JupyterLab from opening
                known = False
            if not known:
                yield ascii(path.name)[1:-1] if not path.name.isprintable() else path.name


def committed(path):
    """A notebook's bytes in git's index, or None without git or a checkout."""
    if not shutil.which("git"):
        return None
    name = path.relative_to(translate.ROOT).as_posix()
    p = subprocess.run([*project_files.GIT, "cat-file", "blob", ":./" + name], cwd=translate.ROOT, capture_output=True)
    return None if p.returncode else p.stdout


def check():
    """Fails if a committed notebook is not in SHA256SUMS. What a reader has changed since does not count."""
    listed, wrong, count = sums(), [], 0
    for path in translate.notebooks():
        data = committed(path)
        if data is not None:
            count += 1
            if listed.get(path.name) not in (digest(data), digest(path.read_bytes())):
                wrong.append(path.name)
    wrong += sorted(name for name in listed if not (translate.SOURCE / name).exists())
    if wrong:
        sys.exit(f"trust: notebooks/{SUMS} does not match {', '.join(wrong)}. If the change is yours: make digests")
    print(f"trust: notebooks/{SUMS} matches the {count} notebooks that git knows")


def update():
    project_files.write_sums(translate.SOURCE / SUMS, {path.name: digest(path.read_bytes()) for path in translate.notebooks()})


def main():
    if sys.argv[1:] == ["check"]:
        check()
    elif sys.argv[1:] == ["update"]:
        update()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for _, nb in own():
            sign(nb)
        if names := list(unsigned()):
            print(f"not the project's own, or changed: {', '.join(names)}. JupyterLab hides their saved figures until the cells are run.")


if __name__ == "__main__":
    main()
