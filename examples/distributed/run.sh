#!/bin/sh
# A master and two workers, each under a broker of its own, as they would be on three machines.
#
#     ./run.sh https://shop.example.com
#
# On machines of their own: the first line of each on its machine, with --master-host of the workers the master's name.
set -eu
cd "$(dirname "$0")"
host=${1:?"say which host is tested"}
port=${MASTER_PORT:-5557}

if [ ! -e secrets/cluster-key ]; then
    umask 077
    mkdir -p secrets
    head -c 32 /dev/urandom | base64 > secrets/cluster-key
    echo "made secrets/cluster-key: every machine needs the same"
fi

for _ in 1 2; do
    tegmen run --quiet -- locust --worker --master-host 127.0.0.1 --master-port "$port" --skip-log &
done
# The workers get the host from the master: they know that it is theirs.
tegmen run -- locust --master --master-bind-host 127.0.0.1 --master-bind-port "$port" --headless --expect-workers 2 \
    --users 4 --spawn-rate 4 --run-time "${RUN_TIME:-10s}" --only-summary --host "$host" --tenant demo
wait
