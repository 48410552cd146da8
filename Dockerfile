# One image for a laptop, a class and a batch of experiments. From the project's folder:
#
#   docker build -t resnet18:cpu .
#   docker build -t resnet18:cuda --build-arg VARIANT=cuda .
#
# The same with buildah and podman, for x86-64 and arm64. docker/README.md says how to run it, how to build it in a network with its own
# certificate, and how to pin the base images by digest. The file is in this folder because Binder looks for it here.

ARG BASE=debian:bookworm-20260824-slim
ARG GO_IMAGE=golang:1.26.8-bookworm

FROM ${GO_IMAGE} AS go

# A notebook cell is a Go program linked with XLA by the C compiler, so the final image needs both compilers.
FROM ${BASE} AS base
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev make python3 python3-venv tini && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
# Before the first download over TLS: the certificate, in PEM format, of a proxy that reads the traffic. The image then trusts it.
ARG CA=""
RUN if [ -n "${CA}" ]; then echo "${CA}" >/usr/local/share/ca-certificates/build.crt && update-ca-certificates; fi
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
ENV PATH=/opt/resnet18/.venv/bin:/opt/resnet18/.bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin \
    GOTOOLCHAIN=local GOPATH=/opt/go \
    GOMLX_NO_AUTO_INSTALL=1 PJRT_CPU_PLUGIN=/usr/local/lib/go-xla/cpu.so PJRT_PLUGIN_LIBRARY_PATH=/usr/local/lib/go-xla/nvidia

# Go without its tests and without the sources of its tools.
FROM base AS small-go
COPY --from=go /usr/local/go /usr/local/go
RUN cd /usr/local/go && rm -rf api doc misc test src/cmd && \
    find src -name testdata -prune -exec rm -r {} + && find src -name '*_test.go' -delete

FROM base AS build
ARG NB_USER=jovyan
ARG PIP_INDEX_URL GOPROXY
COPY --from=small-go /usr/local/go /usr/local/go
WORKDIR /opt/resnet18
COPY Makefile ./
COPY tools tools
COPY docker/requirements.txt docker/
# Without its symbol table, XLA's plugin is 77 MB smaller.
RUN make .venv/.installed && \
    pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r docker/requirements.txt && \
    strip --strip-unneeded .venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so
COPY go.mod go.sum ./
RUN go mod download && export GOMODCACHE=/tmp/tools-modules && go mod download && cd tools && go mod download
COPY bench bench
COPY cmd cmd
COPY data data
COPY pkg pkg
COPY site site
# The kernel and its tools, with caches that do not reach the final image. GoNB's log quotes cells, so it is not kept where several users
# may share it, nor where the user's uid is not the owner's.
RUN GOCACHE=/tmp/tools-cache GOMODCACHE=/tmp/tools-modules make setup .bin/gopls && ln -sfn /dev/null .venv/gonb.log
# Go's cache for the packages that cells import. It is keyed by folder, so they are compiled in one with the name of the reader's. The
# late dates keep Go from deleting entries as unused. The modules' archives are not needed once unpacked.
RUN mkdir -p /home/${NB_USER} && ln -s /opt/resnet18 /home/${NB_USER}/resnet18 && cd /home/${NB_USER}/resnet18 && \
    if [ "$(uname -m)" = x86_64 ]; then export GOEXPERIMENT=simd; fi && export GOCACHE=/opt/go-build && \
    go build -tags=cells ./pkg/... github.com/janpfeifer/must && go build -ldflags="-s -w" -o /usr/local/bin/resnet18 ./cmd/resnet18 && \
    find /opt/go-build -type f -exec touch -d 2100-01-01 {} + && \
    find /opt/go/pkg/mod/cache/download -name '*.zip' -delete

# For NVIDIA GPUs: XLA's plugin and NVIDIA's libraries at fixed versions, laid out as by GoMLX's installer.
FROM base AS accelerator
ARG VARIANT=cpu
ARG PIP_INDEX_URL
COPY docker/requirements-cuda.txt /tmp/
RUN mkdir -p /usr/local/lib/go-xla && case ${VARIANT} in \
    cpu) ;; \
    cuda) python3 -m venv /tmp/pip && \
        /tmp/pip/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps --target /tmp/cuda -r /tmp/requirements-cuda.txt && \
        mv /tmp/cuda/nvidia /usr/local/lib/go-xla/ && cd /usr/local/lib/go-xla/nvidia && \
        mv /tmp/cuda/jax_plugins/xla_cuda13/xla_cuda_plugin.so pjrt_c_api_cuda_plugin.so && \
        mkdir -p bin && ln -s ../cu13/bin/ptxas bin/ptxas && rm -r /tmp/pip /tmp/cuda ;; \
    *) echo "VARIANT=${VARIANT}: must be cpu or cuda" >&2; exit 1 ;; \
    esac

# What runs belongs to root, so that nobody in the container can change what others run, a hub's root included. Only the modules belong to
# the user, whose "go get" adds to them.
FROM base
ARG NB_USER=jovyan
ARG NB_UID=1000
COPY --from=small-go /usr/local/go /usr/local/go
COPY --from=accelerator /usr/local/lib/go-xla /usr/local/lib/go-xla
COPY --from=build --chown=${NB_UID}:100 /opt/go /opt/go
COPY --from=build /opt/resnet18/.venv /opt/resnet18/.venv
COPY --from=build /opt/resnet18/.bin /opt/resnet18/.bin
COPY --from=build /opt/go-build /opt/go-build
COPY --from=build /usr/local/bin/resnet18 /usr/local/bin/
COPY . /opt/resnet18
ENV PATH=$PATH:/usr/sbin:/sbin
RUN useradd --no-log-init --create-home --uid ${NB_UID} --gid users --shell /bin/bash ${NB_USER} && \
    ln -s "$(ls /opt/resnet18/.venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so)" /usr/local/lib/go-xla/cpu.so
# The notebooks in Chinese, so that a link to Binder can open them. COPY keeps the checkout's modes: after a clone with umask 077 only root
# could read the project.
RUN cd /opt/resnet18 && PYTHONUTF8=1 .venv/bin/python tools/translate.py build && find . ! -perm -004 -exec chmod a+rX {} +
# More of Debian's packages, such as git. They come last: an image with them is built from the layers of the one without.
ARG PACKAGES=""
RUN if [ -n "${PACKAGES}" ]; then \
    apt-get update && apt-get install --yes --no-install-recommends ${PACKAGES} && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; fi
USER ${NB_UID}
WORKDIR /home/${NB_USER}
EXPOSE 8888
ENTRYPOINT ["tini", "-g", "--", "/opt/resnet18/docker/start.sh"]
# It listens on the container's network: publish the port on the host's loopback only, as docker/compose.yaml does.
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--log-level=WARN", \
     "--LabApp.extension_manager=readonly", "--LabApp.default_url=/lab/tree/notebooks/00-quick-start.ipynb"]
HEALTHCHECK --start-period=60s CMD ["python3", "/opt/resnet18/docker/healthy.py"]
