# Two commands matter: "make lab" opens the notebooks, "make test" checks a change. Everything is installed in this
# folder (.venv, .bin) and in the caches of Go and pip. Once set up, no target needs the network, unless it says so.
#
#   make lab LAB_ARGS="--no-browser --port=9000"     options for JupyterLab
#   make notebooks NOTEBOOKS=notebooks/02-model.ipynb V=1     one notebook, with what its cells print
#   make notebooks EPOCHS=2 TRAIN_IMAGES=4000        a shorter training
#   make lab ZH=1                                    the notebooks in Chinese (中文)
#   make lab PYTHON=python3.12                       another Python

NOTEBOOKS ?= $(patsubst notebooks/%,notebooks/$(if $(ZH),zh-)%,$(sort $(wildcard notebooks/[0-9]*.ipynb)))
PY := .venv/bin/python
GODIRS := $(wildcard bench cmd data pkg)

# The pure-Go backend multiplies matrices with SIMD instructions where this Go has the experiment for this processor. Tests,
# command and notebook cells are all built with the same value, else each would compile the standard library anew.
ifndef GOEXPERIMENT
GOEXPERIMENT := $(if $(filter amd64,$(shell GOEXPERIMENT=simd go env GOARCH 2>/dev/null)),simd)
endif
export GOEXPERIMENT

# Jupyter's own files stay in the project, and kernels installed elsewhere out of it.
export JUPYTER_CONFIG_DIR := $(CURDIR)/.venv/etc/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/.venv/share/jupyter
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.venv/share/jupyter/runtime
export IPYTHONDIR := $(CURDIR)/.venv/etc/ipython

.PHONY: help lab notebooks experiments test check race bad crash devices interrupt fuzz parity bench bench-growth bench-gpu bench-peers release zh text site setup clean
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 18

lab: setup .bin/gopls .bin/.compiled $(if $(ZH),zh) ## set up what is missing and open JupyterLab on the notebooks
	@# Unsigned, JupyterLab hides the SVG figures that are saved in a notebook.
	@$(if $(NOTEBOOKS),$(PY) -m jupyter trust --log-level=WARN $(NOTEBOOKS))
	$(PY) -m jupyter lab --ip=127.0.0.1 --log-level=WARN --LabApp.extension_manager=readonly \
		--ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(firstword $(NOTEBOOKS) notebooks) \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

notebooks: setup .bin/.compiled $(if $(ZH),zh) ## run all notebooks from the first to the last and save their outputs (hours; EPOCHS=1 for less)
	$(PY) tools/run_notebooks.py $(if $(V),-v) $(NOTEBOOKS)

# Each row goes on where it was stopped. make experiments ROWS="plain augment" runs these two.
ROWS ?= $(shell go run ./cmd/resnet18 experiment list | cut -d' ' -f1)
experiments: setup ## train the rows of notebook 07's table and save their results (hours)
	@for row in $(ROWS); do go run ./cmd/resnet18 experiment $$row || exit 1; done

# The short run has files and executed notebooks of its own, and leaves the saved outputs as they are. XLA compiles its programs
# without optimisation, as each runs a few times only: that saves a quarter of the time.
test: setup text ## vet, format and text checks, unit tests, all notebooks in a short run
	go vet ./...
	@echo gofmt -l $(GODIRS); bad=$$(gofmt -l $(GODIRS)); test -z "$$bad" || { echo "not formatted (gofmt -w): $$bad"; exit 1; }
	go test ./...
	rm -rf work/test
	XLA_FLAGS=--xla_backend_optimization_level=0 EPOCHS=1 TRAIN_IMAGES=512 WORK="$(CURDIR)/work/test" $(PY) tools/run_notebooks.py --out work/test/notebooks $(NOTEBOOKS)

# The database of vulnerabilities is on the network; without it that check says so and lets the others count.
check: setup .bin/staticcheck .bin/govulncheck ## vet, staticcheck, requirements in use, known vulnerabilities (network)
	go vet ./...
	.bin/staticcheck ./...
	go mod tidy -diff
	tools/check.sh vulnerabilities

# Short, as decoding 50 megapixels takes minutes under the race detector. It comes with a check of pointers, which GoMLX's
# SIMD code does not pass: that computes addresses as integers.
race: setup ## all packages under the race detector, one at a time (needs a C compiler)
	for package in $$(go list ./pkg/...); do \
		go test -race -short -timeout 30m -gcflags='github.com/gomlx/compute/...=-d=checkptr=0' $$package || exit 1; \
	done

bad: setup ## list every bad file that the tests make, with the error that it gives
	@go test -count=1 -v -run '^Test(Bad|LongHeaders|Damaged)' ./pkg/... | \
		sed -nE 's,/tmp/Test[^ ]*/00[0-9]+/,…/,g; s/^ *[a-z_]+\.go:[0-9]+: bad //p; /^(FAIL|---? FAIL)/p' | cat -n

KILLS := 60
crash: setup ## kill -9 at KILLS random moments on XLA and on pure Go; full, read-only and vanished folders
	CRASH_TESTS=$(KILLS) go test -count=1 -timeout 1h -v -run '^Test(Kill|DiskFull|ReadOnlyDisk|FolderDeleted|SavingFails)' ./pkg/runner ./pkg/cifar

# Optimised less, XLA compiles the network faster, once for each number of devices.
devices: setup ## train the real network on 1, 2 and 4 virtual devices: the same losses and answers (half an hour)
	XLA_FLAGS="--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0" \
		DEVICES_STEPS=50 go test -count=1 -timeout 2h -v -run '^TestResNetDevices' ./pkg/runner

interrupt: setup ## stop a training as JupyterLab's stop button does, and go on; who may reach JupyterLab
	$(PY) tools/interrupt_check.py
	$(PY) tools/lab_check.py

# What a target finds is kept by Go in the package's testdata/fuzz, and tried by every "go test" from then on.
FUZZ := .
FUZZTIME := 1m
fuzz: setup ## each fuzz target for FUZZTIME, one after another (FUZZ=Pickle for one)
	@for package in $$(go list ./pkg/...); do \
		for target in $$(go test -list '^Fuzz.*$(FUZZ)' $$package | grep ^Fuzz); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -parallel=1 $$package || exit 1; \
		done; \
	done

# Fixtures made anew, the Go tests against them, then trained models to PyTorch and back (ten minutes).
PEERS := .venv-peers/bin/python
parity: setup ## compare with PyTorch in .venv-peers (make bench-peers)
	@$(PEERS) -c 'import torch, torchvision, safetensors' || { echo "parity: needs PyTorch: make bench-peers" >&2; exit 1; }
	$(PEERS) bench/parity/make.py work/parity/fixtures
	PARITY_FIXTURES="$(CURDIR)/work/parity/fixtures" go test -count=1 -timeout 1h -v ./bench/parity
	$(PEERS) bench/parity/live.py work/parity

bench: setup ## speed of this project and its peers in turn, into bench/RESULTS.md (quiet the machine first)
	$(PY) bench/run.py

bench-growth: setup ## how time and memory grow with batch, threads and images, into bench/growth-*.svg (quiet the machine first)
	$(PY) bench/growth.py

bench-gpu: setup ## speed on a GPU, of this project, PyTorch and JAX, into bench/GPU.md
	$(PY) bench/gpu.py

bench-peers: ## install PyTorch, JAX and Paddle into .venv-peers for bench and parity (about 8 GB)
	python3 -m venv .venv-peers && .venv-peers/bin/pip install --quiet -r bench/requirements.txt

# Pure Go, so that each is a single file that needs nothing else, not even a C library; without XLA it trains more slowly.
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

# The Chinese notebooks are made from the English ones and notebooks/zh/. One that was made or edited after both stays.
zh: .venv/.installed ## make the Chinese notebooks, notebooks/zh-*.ipynb
	@$(PY) tools/translate.py build

text: .venv/.installed ## check spelling, cells and links of the notebooks, and that the Chinese keeps up with the English
	$(PY) tools/check_notebooks.py
	$(PY) tools/spelling.py
	$(PY) -m unittest discover -q -b tools
	$(PY) tools/translate.py check

site: .venv/.installed ## render the notebooks as they are saved to site/, both languages, and check every link there
	$(PY) tools/translate.py check
	$(PY) tools/build_site.py

setup: .venv/.installed .bin/.installed ## install what is needed into .venv and .bin, open nothing
	@$(PY) tools/kernel.py

clean: ## remove .venv and .bin; data and trained models in work/ stay
	rm -rf .venv .bin

# Python: JupyterLab, and XLA's plugin for the CPU. Versions and hashes are those of requirements.txt and no others.
.venv/.installed: requirements.txt
	@python=$$(tools/check.sh python) && echo "setup: $$python -m venv .venv" && $$python -m venv --clear .venv
	@echo "setup: JupyterLab and the XLA plugin (about 200 MB the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt || \
		{ echo "setup: pip could not install the packages. Is there a network? It is needed the first time only." >&2; exit 1; }
	@touch $@

# Go: the kernel, goimports without which it runs no cell, and every module that a cell may ask for. Building the packages
# here is what a first cell would otherwise wait for.
.bin/.installed: go.mod go.sum tools/go.mod tools/go.sum
	@tools/check.sh go
	@echo "setup: the GoNB kernel and the packages (two to four minutes the first time)"
	@{ go mod download && mkdir -p .bin && go build -o .bin/ github.com/janpfeifer/gonb && \
		cd tools && go build -o ../.bin/ golang.org/x/tools/cmd/goimports; } || \
		{ echo "setup: Go could not get or build its modules. Is there a network? It is needed the first time only." >&2; exit 1; }
	@go build ./... && touch $@

# So that no training or notebook waits for XLA's compiler. What goes wrong here is said again by the first that needs it.
.bin/.compiled: .venv/.installed .bin/.installed
	@echo "setup: XLA compiles the two networks of the chapter for this processor (half a minute)"
	@for model in library custom; do go run ./cmd/resnet18 compile -model $$model; done; touch $@

.bin/staticcheck: tools/go.mod tools/go.sum
	cd tools && go build -o ../.bin/ honnef.co/go/tools/cmd/staticcheck

.bin/govulncheck: tools/go.mod tools/go.sum
	cd tools && go build -o ../.bin/ golang.org/x/vuln/cmd/govulncheck

# For completion and help inside JupyterLab; the headless runs do without.
.bin/gopls: tools/go.mod tools/go.sum
	@echo "setup: gopls (half a minute to one minute)"
	@cd tools && go build -o ../.bin/ golang.org/x/tools/gopls || \
		{ echo "setup: Go could not get or build gopls. Is there a network? It is needed the first time only." >&2; exit 1; }
	@touch $@
