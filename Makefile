# Two commands for a fresh machine: `make demo` and `make test`. Each makes .venv first.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
READY = $(VENV)/.ready
DEV_READY = $(VENV)/.ready-dev

.PHONY: demo test lint docs package pictures annotator speed env clean

env: $(READY)

$(READY): pyproject.toml setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade "pip>=24" "setuptools>=77"
	$(PY) -m pip install --quiet -c constraints.txt -e ".[onedl,test]"
	touch $@

$(DEV_READY): $(READY)
	$(PY) -m pip install --quiet -c constraints.txt -e ".[onedl,dev]"
	touch $@

# Make a small set with known truth, train STEAL on its noisy labels, evaluate, write a report.
# One thread: small layers gain little from two, and lose ten times on cores that others use too.
demo: $(READY)
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(PY) tools/demo.py --work-dir work_dirs/demo

test: $(READY)
	OMP_NUM_THREADS=1 $(PY) -m pytest

lint: $(DEV_READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# The site in build/docs; a warning is an error.
docs: $(DEV_READY)
	OMP_NUM_THREADS=1 $(PY) -m sphinx -W --keep-going -q -b html docs build/docs

# Build sdist and wheel, and use the wheel away from the checkout.
package: $(READY)
	PYTHON=$(PY) .ci/check_package.sh \
	  --site $$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# The pictures of README and docs; the one of alignment shows the run of `make demo`.
pictures: demo
	for name in teaser level_set losses alignment; do \
	  OMP_NUM_THREADS=1 $(PY) docs/pictures/make_$$name.py || exit 1; done

# The page to annotate on, at the address that it prints.
annotator: $(READY)
	$(PY) -m pip install --quiet -c constraints.txt -e ".[onedl,demo]"
	OMP_NUM_THREADS=1 $(PY) demo/annotator.py

# Every speed target beside its reference.
speed: $(READY)
	$(PY) benchmarks/run_all.py

clean:
	rm -rf $(VENV) build dist *.egg-info
