# What a person types. Everything lands in target/, dist/ and .venv of this checkout; nothing outside is touched.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PROFILE ?= dev

# A shell that stops at the first error, so that a step which fails is never followed by "done".
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A heading; bold where somebody sees it.
say = if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ]; then printf '\n\033[1m== %s\033[0m\n' '$(1)'; else printf '\n== %s\n' '$(1)'; fi

.PHONY: help
help: ## This list.
	@echo "Tegmen: secrets of a Locust load test exist only on the wire. In this checkout:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: install ## Build, start a real OpenBao and a shop, and show a Locust test with and without Tegmen.
	@PYTHONPATH=examples exec $(BIN)/python -m demo

.PHONY: test
test: ## Everything that must hold: formatting, lints, Rust and Python tests, types, licences, the demo.
	@$(MAKE) tools
	@$(PYTHON) tools/check.py --python $(BIN)/python

.PHONY: test-secretspec
test-secretspec: tools ## Build with all of `secretspec:` and test it, AWS against moto: some 300 more packages, minutes.
	@$(call say,A build with secretspec:)
	@cargo build -p tegmen --features secretspec-all --target-dir target/secretspec
	@$(call say,A server of AWS)
	@test -x target/managers/bin/moto_server || $(PYTHON) -m venv target/managers
	@target/managers/bin/python -m pip install --quiet --disable-pip-version-check 'moto[secretsmanager,ssm,server]==5.2.5' 'pyrage==1.3.0'
	@$(call say,Tests)
	@TEGMEN_BIN=$(CURDIR)/target/secretspec/debug/tegmen TEGMEN_MANAGERS=$(CURDIR)/target/managers/bin \
		$(BIN)/python -m pytest -q -rs tests/test_secretspec.py

.PHONY: lint
lint: tools ## The quick part of `make test`: formatting, lints and types.
	@$(PYTHON) tools/check.py --python $(BIN)/python --only lint

.PHONY: bench
bench: ## Requests per second with and without Tegmen, in pairs (a release build).
	@$(MAKE) install PROFILE=release
	@$(call say,Benchmarks)
	@$(BIN)/python benches/throughput.py

.PHONY: bench-tokens
bench-tokens: ## What a token for each of 10,000 users costs, beside plain Locust (a release build).
	@$(MAKE) install PROFILE=release
	@$(call say,Tokens)
	@$(BIN)/python benches/tokens.py

.PHONY: bench-redact
bench-redact: tools ## Megabytes per second through the redactor, beside sed, Python and a bare search (a release build).
	@cargo build --release -p tegmen
	@cargo build --release -p tegmen-redact --example throughput
	@$(call say,Redaction)
	@$(BIN)/python benches/redact.py

.PHONY: bench-vault
bench-vault: tools ## What one login and ten secrets of Vault cost a run, beside the bare requests (a release build).
	@cargo build --release -p tegmen
	@$(call say,Vault)
	@$(BIN)/python benches/vault.py

.PHONY: bench-startup
bench-startup: ## What hardening and the sandbox cost at the start, in pairs (a release build).
	@cargo build --release -p tegmen
	@$(call say,Start-up)
	@TEGMEN_BIN=$(CURDIR)/target/release/tegmen $(BIN)/python benches/startup.py

.PHONY: bench-audit
bench-audit: tools ## The audit beside other scanners on a large tree, a small project and a history (a release build; PEERS=FOLDER).
	@cargo build --release -p tegmen
	@$(call say,Audit)
	@$(BIN)/python benches/audit.py $(if $(PEERS),--peers $(PEERS))

# What `cargo fuzz` passes, without the sanitizers, which need another compiler.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
TARGET  ?= redact
TIME    ?= 60

.PHONY: fuzz
fuzz: ## Look for inputs that break a law, for a while (TARGET=redact, audit, fix or cluster; TIME=60).
	@$(call say,Build with coverage)
	@cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --release --bin $(TARGET) --target-dir ../target/fuzz \
		--target $$(rustc -vV | sed -n 's/host: //p')
	@$(call say,Fuzz $(TARGET) for $(TIME) s)
	@mkdir -p target/fuzz/corpus/$(TARGET)
	@target/fuzz/*/release/$(TARGET) target/fuzz/corpus/$(TARGET) -max_total_time=$(TIME) -max_len=2000 -print_final_stats=1 \
		-artifact_prefix=target/fuzz/$(TARGET)-

.PHONY: soak
soak: install ## Kill and interrupt load tests at random moments, for a while (TIME=60): nothing may stay behind or come out.
	@$(call say,Soak for $(TIME) s)
	@TEGMEN_SOAK=$(TIME) $(BIN)/python -m pytest -q -s --timeout=0 tests/test_faults.py -k soak

.PHONY: site
site: tools ## The documentation as a site, in target/site.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "target/site/index.html"

.PHONY: wheel
wheel: tools ## The wheel for users, in dist/ (a release build).
	@$(call say,Wheel (release))
	@bash tools/wheel.sh

.PHONY: install
install: tools ## The wheel of this checkout into .venv (PROFILE=dev or release).
	@$(call say,Wheel ($(PROFILE)) into $(VENV))
	@cargo xtask wheel --profile $(PROFILE) --out target/wheels
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall target/wheels/tegmen-*.whl
	@$(BIN)/tegmen --version

# The stamp holds what was installed: changed pins install anew, everything else costs nothing.
.PHONY: tools
tools: $(VENV)/requirements.stamp

$(VENV)/requirements.stamp: tests/requirements.txt
	@$(call say,Python tools into $(VENV))
	@command -v cargo >/dev/null || { echo "error: Rust is missing. Install it (rustup reads rust-toolchain.toml)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is older than 3.10; say make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "error: no venv module; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@cp tests/requirements.txt $@

.PHONY: clean
clean: ## Remove what was built: target/, dist/, .venv and caches.
	rm -rf target dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
