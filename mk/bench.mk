# Benchmarks: figures to compare within one run; they gate nothing.
.PHONY: bench
build/bench/bare_curl: bench/bare_curl.c
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) -O2 -D_GNU_SOURCE -o $@ $< $$(pkg-config --cflags --libs libcurl libevent)
bench: all build/bench/bare_curl ## Jobs/s, CPU and memory per job beside h2load and bare libcurl (N=30000)
	@command -v h2load >/dev/null && test -e /usr/lib/nginx/modules/ngx_http_lua_module.so || { \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light libnginx-mod-http-lua nghttp2-client >/dev/null; }
	python3 bench/bench.py $(N)
