#!/bin/sh
# Looks for what cannot be installed inside the project folder and says what to do where it is missing.
# "check.sh python" prints the interpreter to use; "check.sh go" checks Go and looks for a C compiler;
# "check.sh vulnerabilities" looks for known ones in what is linked into the programs.
fail() { echo "setup: $*" >&2; exit 1; }

case $1 in
python)
	# The newest names come last: plain python3 is what the reader expects, if it is new enough.
	for p in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
		if "$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
			"$p" -c 'import venv, ensurepip' 2>/dev/null || fail "$p has no venv module. On Debian and Ubuntu: apt install python3-venv"
			echo "$p"
			exit
		fi
	done
	fail "JupyterLab needs Python 3.10 or later; found: $( (${PYTHON:-python3} --version || echo none) 2>&1 | tail -n 1)." \
		"If yours has another name: make lab PYTHON=/path/to/python3"
	;;
go)
	command -v go >/dev/null || fail "there is no 'go' on PATH. This project needs Go 1.26 or later."
	# Asked inside the module, an old Go fetches the version that go.mod names or says why it cannot.
	version=$(go env GOVERSION 2>&1) || fail "this project needs Go 1.26 or later: $version"
	case $version in
	go1.[0-9] | go1.[0-9].* | go1.1[0-9]* | go1.2[0-5]*) fail "this project needs Go 1.26 or later; found $version" ;;
	esac
	if [ "$(go env CGO_ENABLED)" = 0 ]; then
		echo "setup: no C compiler, or CGO_ENABLED=0: XLA cannot be linked, and the notebooks compute in pure Go," \
			"five to ten times slower. For XLA install one (Debian and Ubuntu: apt install gcc libc6-dev;" \
			"macOS: xcode-select --install), then: make clean lab" >&2
	fi
	;;
vulnerabilities)
	found=$(.bin/govulncheck ./... 2>&1)
	status=$?
	echo "$found"
	case $found in
	*"fetching vulnerabilities"*)
		echo "check: known vulnerabilities were NOT looked for: govulncheck's database cannot be reached. Is there a network?" >&2
		exit 0
		;;
	esac
	exit $status
	;;
*) fail "usage: $0 python|go|vulnerabilities" ;;
esac
