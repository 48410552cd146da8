#!/bin/sh
# Checks for what cannot be installed in the project folder.
# "check.sh python" prints the interpreter to use; "check.sh go" checks Go and the C compiler;
# "check.sh vulnerabilities" checks the linked modules for known ones.
fail() { echo "setup: $*" >&2; exit 1; }

case $1 in
python)
	# Plain python3 first: it is the one that the reader expects.
	for p in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
		if "$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
			"$p" -c 'import venv, ensurepip' 2>/dev/null || fail "$p has no venv module. Install it (Debian and Ubuntu: apt install python3-venv)."
			echo "$p"
			exit
		fi
	done
	fail "JupyterLab needs Python 3.10 or later; found: $( (${PYTHON:-python3} --version || echo none) 2>&1 | tail -n 1)." \
		"If yours has another name: make lab PYTHON=/path/to/python3"
	;;
go)
	command -v go >/dev/null || fail "no 'go' on PATH. Install Go 1.26 or later: https://go.dev/dl/"
	# In the module's folder an old Go downloads the version in go.mod, or says why it cannot.
	version=$(go env GOVERSION 2>&1) || fail "this project needs Go 1.26 or later: $version"
	case $version in
	go1.[0-9] | go1.[0-9].* | go1.1[0-9]* | go1.2[0-5]*) fail "this project needs Go 1.26 or later; found $version" ;;
	esac
	if [ "$(go env CGO_ENABLED)" = 0 ]; then
		echo "setup: no C compiler, or CGO_ENABLED=0: XLA cannot be linked, and the notebooks use pure Go, about seven" \
			"times slower. For XLA install a compiler (Debian and Ubuntu: apt install gcc libc6-dev; macOS:" \
			"xcode-select --install), then run: make clean lab" >&2
	fi
	;;
vulnerabilities)
	found=$(.bin/govulncheck ./... 2>&1)
	status=$?
	echo "$found"
	case $found in
	*"fetching vulnerabilities"*)
		echo "check: vulnerabilities NOT checked: govulncheck's database cannot be reached. Check the network and run make check again." >&2
		exit 0
		;;
	esac
	exit $status
	;;
*) fail "usage: $0 python|go|vulnerabilities" ;;
esac
