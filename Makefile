# The commands of this project. `make demo` and `make test` are the two that the README begins with.

SHELL := /bin/bash
# Where rustup puts cargo: a shell that is older than the installation does not know it.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# One folder for all checkouts of a machine: what was built once is not built again.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/arcus-target

.PHONY: demo test check bench build lab fmt clean-lab

demo: ## Install what is missing, start Arcus, and do its main job with printed curl calls.
	scripts/demo.sh

test: lab ## Everything that can be tested here, the real Incus and PostgreSQL included.
	scripts/lab.sh run cargo nextest run --workspace --no-fail-fast

check: ## Formatting, lints, layers, licences, unused dependencies, file sizes.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-layers.py
	cargo deny --all-features check bans licenses sources
	cargo machete
	scripts/check-sizes.sh
	shellcheck scripts/*.sh scripts/lab/*.sh .ci/run

bench: lab ## Ratios against named peers, into docs/performance.md.
	scripts/lab.sh join scripts/bench.sh

build: ## The release binary.
	cargo build --release -p arcus

lab: ## The real parts that tests and benches need.
	scripts/lab.sh up

fmt:
	cargo fmt --all

clean-lab: ## Stop what the lab started.
	scripts/lab.sh down incus
	scripts/lab.sh down postgres
