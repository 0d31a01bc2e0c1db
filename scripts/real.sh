#!/usr/bin/env bash
# Runs a command with TEST_SQL_DSN and TEST_REDIS_URL set: real.sh go test ./...
# Where they are not set, it takes the MySQL or MariaDB and the Redis on this machine's standard ports; what does not run there is installed
# (on Debian and Ubuntu) and started. It stops nothing, since it may not have been the one that started it.
set -euo pipefail

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ensure PORT PROGRAM PACKAGE START: something answers on the port, installed and started if need be.
ensure() {
  answers "$1" && return
  if ! command -v "$2" >/dev/null; then
    command -v apt-get >/dev/null || { echo "nothing answers on port $1, and $3 cannot be installed here: start it yourself" >&2; exit 1; }
    local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -q
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy "$3"
  fi
  answers "$1" || eval "$4"
  for _ in $(seq 100); do answers "$1" && return; sleep 0.2; done
  echo "$2 was started and does not answer on port $1" >&2
  exit 1
}

if [ -z "${TEST_REDIS_URL:-}" ]; then
  ensure 6379 redis-server redis-server 'redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save "" --appendonly no >/dev/null'
  export TEST_REDIS_URL=redis://127.0.0.1:6379/0
fi
if [ -z "${TEST_SQL_DSN:-}" ]; then
  ensure 3306 mariadbd mariadb-server 'mkdir -p /run/mysqld && chown mysql: /run/mysqld && (setsid mariadbd --user=mysql >/dev/null 2>&1 &)'
  # A fresh installation lets root in over the socket only: the tests get a user of their own.
  if ! mariadb -h 127.0.0.1 -u root -e 'CREATE DATABASE IF NOT EXISTS test' 2>/dev/null; then
    mariadb -e "CREATE DATABASE IF NOT EXISTS test; CREATE USER IF NOT EXISTS 'gametest'@'127.0.0.1' IDENTIFIED BY 'gametest'; GRANT ALL ON *.* TO 'gametest'@'127.0.0.1'"
    export TEST_SQL_DSN='gametest:gametest@tcp(127.0.0.1:3306)/test'
  fi
  export TEST_SQL_DSN=${TEST_SQL_DSN:-root@tcp(127.0.0.1:3306)/test}
fi
exec "$@"
