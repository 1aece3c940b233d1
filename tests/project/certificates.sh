#!/usr/bin/env bash
# Tests scripts/certificates: certificates.sh SCRIPT.
set -euo pipefail

script=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [[ $2 == "$3" ]] || fail "$1: '$2' instead of '$3'"; }
refused() { # Runs a command that must fail; prints its last words.
  local out
  if out=$("${@}" 2>&1); then fail "no error: $*"; fi
  printf '%s\n' "${out##*$'\n'}"
}
is_for() { openssl verify -CAfile "$1/ca.pem" -purpose "$2" "$1/$3.pem" >/dev/null 2>&1; }
sums() { (cd "$1" && sha256sum -- *); }

echo "- a first run makes a CA, a node and a client"
a="$work/a folder"
"$script" "$a" --host db.example --host 192.0.2.7 --host 2001:db8::7 --host localhost >"$work/lines" 2>"$work/words"
same "files" "$(cd "$a" && echo *)" "ca.key ca.pem client.key client.pem node.key node.pem"
same "left beside" "$(ls -A "$work")" $'a folder\nlines\nwords'
is_for "$a" sslserver node || fail "the node's certificate is not for a node"
is_for "$a" sslclient client || fail "the client's certificate is not for a client"
! is_for "$a" sslclient node || fail "the node's certificate is for a client"
! is_for "$a" sslserver client || fail "the client's certificate is for a node"
for name in localhost db.example "$(uname -n)"; do
  openssl x509 -in "$a/node.pem" -noout -checkhost "$name" | grep -q 'does match' || fail "not for $name"
done
for address in 127.0.0.1 ::1 192.0.2.7 2001:db8::7; do
  openssl x509 -in "$a/node.pem" -noout -checkip "$address" | grep -q 'does match' || fail "not for $address"
done
same "localhost, once" "$(openssl x509 -in "$a/node.pem" -noout -text | grep -o DNS:localhost | wc -l)" 1

echo "- nobody else reads the keys, which are EC P-256 without a passphrase"
for name in ca node client; do
  same "mode of $name.key" "$(stat -c %a "$a/$name.key")" 600
  openssl pkey -in "$a/$name.key" -noout -text </dev/null 2>/dev/null | grep -q 'NIST CURVE: P-256' || fail "kind of $name.key"
done

echo "- the printed settings name the files"
same "sections" "$(grep -c -E '^  (node|remote) \{$' "$work/lines")" 2
grep -qxF "    certificate = \"$a/node.pem\"" "$work/lines" || fail "the node's certificate"
grep -qxF "    key = \"$a/client.key\"" "$work/lines" || fail "the client's key"
same "CA" "$(grep -cxF "    ca = \"$a/ca.pem\"" "$work/lines")" 2
grep -q 'ca.key away' "$work/words" || fail "no word on ca.key"

echo "- a second run changes nothing, and says what is there"
before=$(sums "$a")
[[ $(refused "$script" "$a") == *"$a/ca.pem exists, nothing was changed"* ]] || fail "second run"
same "files" "$(sums "$a")" "$before"

echo "- a further client is signed by the same CA, and overwrites nothing"
"$script" "$a" --client shop-1 --days 30 >"$work/lines" 2>/dev/null
is_for "$a" sslclient shop-1 || fail "the further client"
same "name" "$(openssl x509 -in "$a/shop-1.pem" -noout -subject -nameopt multiline | grep -o 'shop-1')" shop-1
same "sections" "$(grep -c -E '^  (node|remote) \{$' "$work/lines")" 1
openssl x509 -in "$a/shop-1.pem" -noout -checkend $((29 * 86400)) >/dev/null || fail "valid for too short"
! openssl x509 -in "$a/shop-1.pem" -noout -checkend $((31 * 86400)) >/dev/null || fail "valid for too long"
[[ $(refused "$script" "$a" --client shop-1) == *"exists, nothing was changed"* ]] || fail "the client again"
[[ $(refused "$script" "$a" --client ca) == *"name of another certificate"* ]] || fail "client ca"
[[ $(refused "$script" "$work/none" --client x) == *"holds no CA"* ]] || fail "no CA"
[[ ! -e $work/none ]] || fail "a folder was made for nothing"
same "files" "$(sums "$a" | grep -v shop-1)" "$before"

echo "- an existing folder is filled, other files in it stay, and names with special characters do no harm"
mkdir "$work/b \$x # '"
echo precious >"$work/b \$x # '/notes"
"$script" "$work/b \$x # '" >/dev/null 2>&1
is_for "$work/b \$x # '" sslserver node || fail "existing folder"
same "other file" "$(<"$work/b \$x # '/notes")" precious
same "files" "$(find "$work/b \$x # '" -mindepth 1 | wc -l)" 7

echo "- with --days 0 they have expired"
"$script" "$work/old" --days 0 >/dev/null 2>&1
! openssl x509 -in "$work/old/node.pem" -noout -checkend 0 >/dev/null || fail "not expired"
openssl x509 -in "$work/old/ca.pem" -noout -checkend 0 >/dev/null || fail "the CA has expired"

echo "- a run that is interrupted leaves nothing"
mkdir "$work/bin" "$work/there"
# An openssl that is interrupted in its fifth call.
cat >"$work/bin/openssl" <<OPENSSL
#!/usr/bin/env bash
echo call >>"$work/calls"
[[ \$(wc -l <"$work/calls") -lt 5 ]] || kill -TERM "\$(<"$work/pid")"
exec $(type -P openssl) "\$@"
OPENSSL
chmod +x "$work/bin/openssl"
for folder in "$work/new" "$work/there"; do
  rm -f "$work/calls"
  # shellcheck disable=SC2016 # Variables of the inner shell.
  ! PATH=$work/bin:$PATH bash -c 'echo $$ >"$1/pid"; exec "$0" "$2"' "$script" "$work" "$folder" >/dev/null 2>&1 \
    || fail "it was not interrupted"
done
[[ ! -e $work/new ]] || fail "half a folder"
same "left in a folder" "$(ls -A "$work/there")" ""
! compgen -G "$work/.certificates*" >/dev/null || fail "the work folder is left"

echo "- runs for one folder at the same time: one of them makes it"
for i in 1 2 3; do "$script" "$work/race" >"$work/lines$i" 2>/dev/null & jobs[i]=$!; done
won=0
for i in 1 2 3; do ! wait "${jobs[i]}" || won=$((won + 1)); done
same "winners" "$won" 1
is_for "$work/race" sslserver node || fail "a node's certificate of another run"
is_for "$work/race" sslclient client || fail "a client's certificate of another run"
same "files" "$(cd "$work/race" && echo *)" "ca.key ca.pem client.key client.pem node.key node.pem"

echo "- errors are one clear line"
same "no folder" "$(refused "$script")" "certificates: error: name the folder for the certificates (try --help)"
[[ $(refused "$script" "$work/x" --fly) == *"unknown option '--fly'"* ]] || fail "unknown option"
[[ $(refused "$script" "$work/x" "$work/y") == *"only one folder"* ]] || fail "two folders"
[[ $(refused "$script" "$work/x" --days) == *"--days needs a value"* ]] || fail "no days"
for days in -1 3651 x 1.5 99999; do
  [[ $(refused "$script" "$work/x" --days "$days") == *"has to be a number from 0 to 3650"* ]] || fail "days $days"
done
for name in 'a b' a/b '../x' "$(printf 'x%.0s' {1..65})" '-x' '.x' 'ä'; do
  [[ $(refused "$script" "$a" --client "$name") == *"has to have 1 to 64 letters"* ]] || fail "client $name"
done
for name in 'a b' 'a,DNS:b' 1.2.3.999 1.2.3 'x..y' '-x' 'x+y' ':x:'; do
  [[ $(refused "$script" "$work/x" --host "$name") == *"is neither a host name nor an IP address"* ]] || fail "host $name"
done
[[ $(refused "$script" "$a" --client z --host x) == *"--host is for the node's certificate"* ]] || fail "host of a client"
touch "$work/file"
[[ $(refused "$script" "$work/file") == *"is a file"* ]] || fail "a file in the way"
[[ $(refused "$script" "$work/file/x") == *"cannot create the folder"* ]] || fail "a file as the parent"
[[ ! -e $work/x ]] || fail "a failed run made a folder"
"$script" --help | grep -q -- '--client NAME' || fail "help"

echo "all passed"
