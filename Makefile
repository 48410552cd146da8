# "make lab" opens the notebooks, "make test" checks a change. Everything is installed in this folder (.venv, .bin) and in the
# caches of Go and pip. Only the first set-up and the targets that say so need the network.
#
#   make lab LAB_ARGS="--no-browser --port=9000"              options for JupyterLab
#   make notebooks NOTEBOOKS=notebooks/02-model.ipynb V=1     one notebook, showing the output of its cells
#   make notebooks EPOCHS=2 TRAIN_IMAGES=4000                 a shorter training
#   make lab ZH=1                                             the notebooks in Chinese (中文)
#   make lab PYTHON=python3.12                                another Python

NOTEBOOKS ?= $(patsubst notebooks/%,notebooks/$(if $(ZH),zh-)%,$(foreach n,$(sort $(wildcard notebooks/[0-9]*.ipynb)),$(if $(findstring -Copy,$n),,$n)))
PY := .venv/bin/python
GODIRS := $(wildcard bench cmd data docker examples pkg site)

# On amd64 the pure-Go backend multiplies matrices with SIMD instructions. Tests, command and notebook cells share one value:
# with different ones, each would compile the standard library again.
ifndef GOEXPERIMENT
GOEXPERIMENT := $(if $(filter amd64,$(shell GOEXPERIMENT=simd go env GOARCH 2>/dev/null)),simd)
endif
export GOEXPERIMENT

# Of the user's settings these would break the build: a go.work in a folder above, a clone that another user owns, CDPATH.
export GOWORK := off
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)
unexport CDPATH

# Texts are UTF-8, whatever the locale.
export PYTHONUTF8 := 1

# Jupyter's files are kept in the project, and kernels installed elsewhere are not offered.
export JUPYTER_CONFIG_DIR := $(CURDIR)/.venv/etc/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/.venv/share/jupyter
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.venv/share/jupyter/runtime
export IPYTHONDIR := $(CURDIR)/.venv/etc/ipython

.PHONY: help lab notebooks digests drawings experiments pytorch torch jpeg-cost test check deploy-check race bad crash devices interrupt fuzz parity bench bench-growth bench-class bench-gpu bench-peers release zh text stale style site teaching grading try setup clean
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 23

lab: setup .bin/gopls .bin/.compiled $(if $(ZH),zh) ## install what is missing and open the notebooks in JupyterLab
	@$(PY) tools/trust.py
	$(PY) -m jupyterlab --ip=127.0.0.1 --log-level=WARN --LabApp.extension_manager=readonly \
		--ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(firstword $(NOTEBOOKS) notebooks) \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

notebooks: setup .bin/.compiled $(if $(ZH),zh) ## run all notebooks in order and save their outputs (hours; less with EPOCHS=1)
	$(PY) tools/run_notebooks.py $(if $(V),-v) $(NOTEBOOKS)

# JupyterLab shows the saved figures of the notebooks listed there; see tools/trust.py.
digests: .venv/.installed ## update notebooks/SHA256SUMS, before committing changed notebooks
	$(PY) tools/trust.py update

# "features" shows the trained network's: without one it fails, and the others are drawn. One: DRAWINGS=architecture
drawings: setup ## make notebooks/drawings from the code, the data and the saved results
	go run ./cmd/drawings $(DRAWINGS)

# An interrupted row resumes. make experiments ROWS="plain augment" runs these two.
ROWS ?= $(shell go run ./cmd/resnet18 experiment list | cut -d' ' -f1)
experiments: setup ## train the rows of notebook 07's table and save the results (hours)
	@rows="$(ROWS)"; test -n "$$rows" || { echo "no rows: the list of rows could not be made (see above)" >&2; exit 1; }; \
	for row in $$rows; do go run ./cmd/resnet18 experiment $$row || exit 1; done

# One thread each, so that two such commands share two cores: make pytorch PYTORCH=library
PYTORCH ?= reference library full-chapter
pytorch: setup torch ## train the chapter's recipe in PyTorch, for notebook 07 (hours; needs make bench-peers; resumes)
	@mkdir -p work/pytorch; said=$$(go run ./cmd/resnet18 data) || exit 1; printf '%s\n' "$$said"; \
	folder=$$(printf '%s\n' "$$said" | sed -n 's/^in //p'); \
	test -e "$$folder/data_batch_1" || { echo "the data in $$folder is not CIFAR-10's Python version, which PyTorch needs" >&2; exit 1; }; \
	for row in $(PYTORCH); do seeds="0 1 2"; \
		case $$row in \
		reference) seeds="0 1 2 3 4"; set -- --classes 10 --epochs 13 --train-images 9984 --eval-steps 312;; \
		library) set -- --classes 1000;; \
		full-chapter) set -- --classes 10;; \
		*) echo "PYTORCH is $$row, want reference, library or full-chapter" >&2; exit 1;; \
		esac; \
		for seed in $$seeds; do name=pytorch-$$row-$$seed; out=notebooks/results/pytorch/$$name.json; test -e $$out || \
			OMP_NUM_THREADS=1 $(PEERS) bench/torch_chapter.py "$$folder" --device cpu --seed $$seed "$$@" \
				--state work/pytorch/$$name.pt --out $$out || exit 1; \
		done; \
	done

# CIFAR10_PATH is the official archive. ORIGINALS may be a file of some images' original pixels instead: see bench/jpegcost.
jpeg-cost: setup ## compare original pixels with the JPEG copy, for notebook 07 (hours; needs CIFAR10_PATH; resumes)
	go run ./bench/jpegcost -smooth -results notebooks/results $(ORIGINALS)

# The short run writes to work/test only.
test: setup text ## vet, format and text checks, unit tests, a short run of all notebooks
	go vet ./...
	@echo gofmt -l $(GODIRS); bad=$$(gofmt -l $(GODIRS)) && test -z "$$bad" || { echo "not formatted (gofmt -w): $$bad"; exit 1; }
	go test ./...
	rm -rf work/test
	EPOCHS=1 TRAIN_IMAGES=512 WORK="$(CURDIR)/work/test" $(PY) tools/run_notebooks.py --join --out work/test/notebooks $(NOTEBOOKS)

# Offline, the check for vulnerabilities is skipped with a message.
check: setup .bin/staticcheck .bin/govulncheck ## vet, staticcheck, go mod tidy, known vulnerabilities (network)
	go vet ./...
	.bin/staticcheck ./...
	go mod tidy -diff
	tools/check.sh vulnerabilities

# Kubernetes' types and its Pod Security standard; Python packages for each system; the chart of values.yaml, if Helm is installed.
deploy-check: ## check the files for Kubernetes, and the requirements for all systems (network)
	cd docker/check && go vet ./... && go test -count=1 ./...
	test -x work/uv/bin/uv || { $$(tools/check.sh python) -m venv work/uv && work/uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9; }
	work/uv/bin/python tools/deploy_check.py

# Short: under the race detector, decoding 50 megapixels takes minutes. Its pointer checks are off for GoMLX's SIMD code, which
# computes addresses as integers.
race: setup ## all packages under the race detector, one at a time (needs a C compiler)
	packages=$$(go list ./pkg/...) || exit 1; for package in $$packages; do \
		go test -race -short -timeout 30m -gcflags='github.com/gomlx/compute/...=-d=checkptr=0' $$package || exit 1; \
	done

bad: setup ## list the bad files made by the tests, each with its error
	@mkdir -p work; go test -count=1 -v -run '^Test(Bad|LongHeaders|Damaged)' ./pkg/... >work/bad.log; status=$$?; \
		sed -nE 's,/tmp/Test[^ ]*/00[0-9]+/,…/,g; s/^ *[a-z_]+\.go:[0-9]+: bad //p; /^(FAIL|---? FAIL)/p' work/bad.log | cat -n; \
		exit $$status

KILLS := 60
crash: setup ## kill trainings at KILLS random moments, on XLA and pure Go; full, read-only and deleted folders
	SANITIZER_TESTS=1 go test -count=1 -timeout 30m -v -run '^Test(OtherAllocators|Harm)' ./pkg/backend/...
	CRASH_TESTS=$(KILLS) go test -count=1 -timeout 1h -v -run '^Test(Kill|DiskFull|ReadOnlyDisk|FolderDeleted|SavingFails)' ./pkg/runner ./pkg/cifar

# Less optimisation: XLA compiles the network again for each number of devices.
devices: setup ## train on 1, 2 and 4 virtual devices and compare losses and predictions (half an hour)
	XLA_FLAGS="--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0" \
		DEVICES_STEPS=50 go test -count=1 -timeout 2h -v -run '^TestResNetDevices' ./pkg/runner

interrupt: setup ## stop a training with JupyterLab's stop button and resume it; check JupyterLab's token
	$(PY) tools/interrupt_check.py
	$(PY) tools/lab_check.py

# Go keeps what a target finds in the package's testdata/fuzz, and each later "go test" tries it. Without -fuzzminimizetime it tries
# for a minute to shorten each input that reaches new code, and the target does nothing else.
FUZZ := .
FUZZTIME := 1m
fuzz: setup ## run each fuzz target for FUZZTIME (one: FUZZ=Pickle)
	@packages=$$(go list ./pkg/...) || exit 1; count=0; for package in $$packages; do \
		listed=$$(go test -list '^Fuzz.*$(FUZZ)' $$package) || { echo "$$listed"; exit 1; }; \
		for target in $$(echo "$$listed" | grep ^Fuzz); do count=$$((count + 1)); \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x -parallel=1 $$package || exit 1; \
		done; \
	done; [ $$count -gt 0 ] || { echo "no fuzz target matches $(FUZZ)" >&2; exit 1; }

torch:
	@$(PEERS) -c 'import torch, torchvision, safetensors' || { echo "PyTorch is not installed in .venv-peers; run: make bench-peers" >&2; exit 1; }

# New fixtures, the Go tests against them, then trained models to PyTorch and back.
PEERS := .venv-peers/bin/python
parity: setup torch ## compare the numbers with PyTorch's (ten minutes; needs make bench-peers)
	$(PEERS) bench/parity/make.py work/parity/fixtures
	PARITY_FIXTURES="$(CURDIR)/work/parity/fixtures" go test -count=1 -timeout 1h -v ./bench/parity
	$(PEERS) bench/parity/live.py work/parity

bench: setup ## measure speed against PyTorch, JAX and Paddle, into bench/RESULTS.md (on an idle machine)
	$(PY) bench/run.py

bench-growth: setup ## measure how time and memory grow, into bench/growth-*.svg (on an idle machine)
	$(PY) bench/growth.py

bench-class: setup ## measure the wait for a cell with up to eight readers at once, into bench/class.svg (on an idle machine)
	$(PY) bench/cells.py --students 1,2,4,6,8 --save bench/class.json notebooks/01-data.ipynb
	go run ./bench/plots

bench-gpu: setup ## measure speed on a GPU against PyTorch and JAX, into bench/GPU.md
	$(PY) bench/gpu.py

bench-peers: ## install PyTorch, JAX and Paddle into .venv-peers, for bench and parity (8 GB, network)
	$$(tools/check.sh python) -m venv .venv-peers && .venv-peers/bin/pip install --quiet -r bench/requirements.txt

# Pure Go: a single file that needs no C library. Without XLA it trains more slowly.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
release: ## build the command for five platforms into dist/, with checksums
	rm -rf dist
	@for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/} simd= exe=; \
		[ $$arch = amd64 ] && simd=simd; [ $$os = windows ] && exe=.exe; \
		echo "dist/resnet18-$$os-$$arch$$exe"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch GOEXPERIMENT=$$simd go build -trimpath -ldflags="-s -w" \
			-o "dist/resnet18-$$os-$$arch$$exe" ./cmd/resnet18 || exit 1; \
	done
	cd dist && $(if $(shell command -v sha256sum),sha256sum,shasum -a 256) resnet18-* >SHA256SUMS

# Built from the English notebooks and notebooks/zh/. A notebook that is newer than both is kept.
zh: .venv/.installed ## build the Chinese notebooks, notebooks/zh-*.ipynb
	@$(PY) tools/translate.py build

text: .venv/.installed ## check spelling, style, cells, links, translation and numbers; test tools/
	$(PY) tools/check_notebooks.py
	$(PY) tools/spelling.py
	$(PY) tools/style.py
	$(PY) -m unittest discover -q -b tools
	$(PY) tools/translate.py check
	$(PY) tools/trust.py check
	$(PY) tools/stale.py
	$(PY) tools/teaching.py check
	$(PY) tools/build_site.py check

stale: .venv/.installed ## list each number in the texts with the output that it repeats, and those without one
	$(PY) tools/stale.py -v

style: .venv/.installed ## list wording and names to replace, as tools/style.py has them
	$(PY) tools/style.py

# The page on which the network runs is part of it. Its weights are those of data/weights/.
site: .venv/.installed ## render the saved notebooks to site/, in both languages, and check every link
	$(PY) tools/translate.py check
	$(PY) tools/build_site.py
	$(PY) tools/try_check.py

# After a change of the slides, the cheat sheet or a figure in them: they are in site/img and notebooks/drawings.
teaching: .venv/.installed ## make the PDFs of notebooks/teaching (Chromium, Node; network the first time)
	$(PY) tools/teaching.py build

grading: setup ## try nbgrader with the Go kernel on the example in notebooks/teaching (network the first time)
	@test -x .venv-nbgrader/bin/nbgrader || { $$(tools/check.sh python) -m venv .venv-nbgrader && .venv-nbgrader/bin/pip install --quiet nbgrader==0.9.6; }
	$(PY) tools/grading_check.py

try: .venv/.installed ## rebuild only the page on which the network runs, site/en/try.html, and check it in Chromium
	$(PY) tools/build_try.py
	$(PY) tools/try_check.py

setup: .venv/.installed .bin/.installed ## install everything into .venv and .bin
	@$(PY) tools/kernel.py

clean: ## remove .venv and .bin; keep the data and models in work/
	rm -rf .venv .bin

# Python: JupyterLab and XLA's plugin for the CPU, at the versions and hashes of tools/requirements.txt.
.venv/.installed: tools/requirements.txt
	@python=$$(tools/check.sh python) && echo "setup: $$python -m venv .venv" && { $$python -m venv --clear .venv || \
		{ echo "setup: Python could not make .venv (see above). The project folder must be writable." >&2; exit 1; }; }
	@echo "setup: JupyterLab and the XLA plugin (about 200 MB the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/requirements.txt || \
		{ echo "setup: pip could not install the packages (see above). The first set-up needs the network." >&2; exit 1; }
	@touch $@

# Go: the kernel, goimports (every cell needs it) and all modules. The packages are built here so that the first cell does not have to.
.bin/.installed: go.mod go.sum tools/go.mod tools/go.sum
	@tools/check.sh go
	@echo "setup: the GoNB kernel and the packages (two to four minutes the first time)"
	@mkdir -p .bin || { echo "setup: the project folder must be writable." >&2; exit 1; }
	@{ go mod download && go build -o .bin/ github.com/janpfeifer/gonb && \
		cd tools && go build -o ../.bin/ golang.org/x/tools/cmd/goimports; } || \
		{ echo "setup: Go could not download or build its modules (see above). The first set-up needs the network." >&2; exit 1; }
	@go build ./... && go build -tags=cells ./pkg/... && touch $@

# No training or notebook then waits for XLA's compiler. Errors are ignored here: the first training reports them.
.bin/.compiled: .venv/.installed .bin/.installed
	@echo "setup: XLA compiles the two networks of the chapter for this processor (half a minute)"
	@for model in library custom; do go run ./cmd/resnet18 compile -model $$model; done; touch $@

.bin/staticcheck: tools/go.mod tools/go.sum
	cd tools && go build -o ../.bin/ honnef.co/go/tools/cmd/staticcheck

.bin/govulncheck: tools/go.mod tools/go.sum
	cd tools && go build -o ../.bin/ golang.org/x/vuln/cmd/govulncheck

# Completion and help in JupyterLab.
.bin/gopls: tools/go.mod tools/go.sum
	@echo "setup: gopls (half a minute to one minute)"
	@cd tools && go build -o ../.bin/ golang.org/x/tools/gopls || \
		{ echo "setup: Go could not download or build gopls (see above). The first set-up needs the network." >&2; exit 1; }
	@touch $@
