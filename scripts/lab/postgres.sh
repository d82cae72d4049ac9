# shellcheck shell=bash
postgres_up(){ :; }
postgres_env(){ :; }
