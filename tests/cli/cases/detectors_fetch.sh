# SPDX-License-Identifier: Apache-2.0
# atelier detectors --fetch from a server on the loopback: whole files, parts that are gone on with, and all that
# servers do wrong.  After a failure there is no file, and nothing that isn't good for another try.
export HOME=$PWD no_proxy=127.0.0.1
unset http_proxy https_proxy ALL_PROXY all_proxy ATELIER_DETECTORS XDG_DATA_HOME
cat >server.py <<'PY'
import http.server, os, socketserver, sys
data = (b'weights of a network, or so it seems\n' * 200)[:6009]
seen = {}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, code, body, etag='"v1"', length=None, **more):
        self.send_response(code)
        if etag:
            self.send_header('ETag', etag)
        if length != 'none':
            self.send_header('Content-Length', str(len(body) if length is None else length))
        for key, value in more.items():
            self.send_header(key.replace('_', '-'), value)
        if length is not None:
            self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if length is not None:
            self.close_connection = True

    def do_GET(self):
        wanted, path = self.headers.get('Range'), self.path
        count = seen[path] = seen.get(path, 0) + 1
        with open('asked', 'a') as log:
            print(path, wanted, self.headers.get('If-Range'), file=log)
        first = int(wanted[6:-1]) if wanted else 0
        part = {'Content_Range': f'bytes {first}-6008/6009'}
        if path == '/moved':
            self.answer(302, b'elsewhere', Location='/file')
        elif path == '/loop':
            self.answer(302, b'', Location='/loop')
        elif path == '/local':
            self.answer(302, b'', Location='file:///etc/passwd')
        elif path in ('/missing', '/forbidden', '/broken'):
            self.answer({'/missing': 404, '/forbidden': 403, '/broken': 500}[path], b'this is no network')
        elif path == '/empty':
            self.answer(200, b'')
        elif path == '/other':
            self.answer(200, data[:1000] + b'?' + data[1001:])
        elif path == '/long':
            self.answer(200, data + b'!')
        elif path == '/generator':
            self.answer(200, open('data/stylegan/sg2-32.pkl', 'rb').read())
        elif path == '/progan': # its discriminator is what classifiers are
            self.answer(200, open('data/tf/pgan-16-cond.pkl', 'rb').read())
        elif path == '/endless':
            self.answer(200, data + data, length='none')
        elif path == '/unsized':
            self.answer(200, data, length='none')
        elif path == '/hang' and count == 1:
            self.answer(200, data[:2000], length=6009)
            self.connection.settimeout(60)
            try:
                self.connection.recv(1) # until the other side goes
            except OSError:
                pass
        elif count == 1:
            tag = {'/weak': 'W/"v1"', '/plain': None}.get(path, '"v1"')
            self.answer(200, data[:2500], etag=tag, length=6009)
        elif path == '/short' and count == 2:
            self.answer(206, data[2500:4000], length=3509, **part)
        elif path == '/whole':
            self.answer(200, data)
        elif path == '/shrunk' and wanted:
            self.answer(416, b'')
        elif path == '/skewed' and wanted:
            self.answer(206, data[9:], Content_Range='bytes 9-6008/6009')
        elif path == '/changed' and self.headers.get('If-Range') != '"v2"':
            self.answer(200, data, etag='"v2"')
        else:
            self.answer(206 if wanted else 200, data[first:], **(part if wanted else {}))

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

server = Server(('127.0.0.1', 0), Handler)
open('file', 'wb').write(data)
open('port.new', 'w').write(str(server.server_port))
os.rename('port.new', 'port')
seen['/file'] = 1 # whole from the first time
server.serve_forever()
PY
python3 server.py & server=$!
trap 'kill $server' EXIT
while [ ! -f port ]; do kill -0 $server || exit 1; sleep 0.05; done
at=http://127.0.0.1:$(cat port)
sum=$(sha256sum file | cut -d' ' -f1)

says() { # the same in each run
    sed "s|$at|SERVER|g; s|$sum|THE-SUM|g"
}
fetch() { # PATH OPTIONS...: one file from the server, and what is there then
    echo "--- $1"
    "$ATELIER" detectors --detectors dir --fetch lpips-alex-heads --url "$at$1" "${@:2}" 2>&1 | says
    echo "exit ${PIPESTATUS[0]}"
    (cd dir && ls -- *) 2>/dev/null
    if [ -f dir/lpips_alex.pth ]; then cmp file dir/lpips_alex.pth && echo whole; fi
}
again() { # PATH OPTIONS...: a part, then the rest
    rm -rf dir
    fetch "$@"
    fetch "$@"
}

fetch /file --sha256 $sum
fetch /file --sha256 $sum # is there
fetch /file               # and is not what was published
rm -r dir
fetch /moved --sha256 ${sum^^} --quiet
echo "=== goes on with parts"
again /rest --sha256 $sum
again /short --sha256 $sum
fetch /short --sha256 $sum
again /weak --sha256 $sum
again /plain --sha256 $sum
echo "=== begins anew"
again /whole --sha256 $sum
again /shrunk --sha256 $sum
again /skewed --sha256 $sum
again /changed --sha256 $sum
rm -r dir
fetch /unsized --sha256 $sum
rm -r dir
echo "=== what is wrong"
for path in /missing /forbidden /broken /empty /loop /local /other /long /endless; do
    fetch $path
done
fetch /other --sha256 $sum
fetch /file # not what was published
"$ATELIER" detectors --detectors dir --fetch lpips-alex-heads --url file:///etc/passwd 2>&1 | says
"$ATELIER" detectors --detectors dir --fetch inception --url $at/file 2>&1 | says
"$ATELIER" detectors --detectors dir --fetch classifier-00-male --url $at/file 2>&1 | says # no network
"$ATELIER" detectors --detectors dir --fetch inception-pkl --url $at/generator 2>&1 | says # another
"$ATELIER" detectors --detectors dir --fetch classifier-00-male --url $at/progan 2>&1 | says
"$ATELIER" detectors --detectors dir --fetch classifier-00-male --url $at/progan 2>&1 | says # is there
rm dir/celebahq-classifier-00-male.pkl
t detectors --detectors dir --fetch nothing
t detectors --detectors file --fetch inception
ls dir
echo "=== interrupted, and two at once"
rm -rf dir
mkdir dir
"$ATELIER" detectors --detectors dir --fetch lpips-alex-heads --url $at/hang --sha256 $sum >first 2>&1 & waiting=$!
while [ "$(stat -c %s dir/lpips_alex.pth.part 2>/dev/null)" != 2000 ]; do sleep 0.05; done
"$ATELIER" detectors --detectors dir --fetch lpips-alex-heads --url $at/hang --sha256 $sum 2>&1 | says
kill -INT $waiting
wait $waiting
echo "exit $?"
says <first
fetch /hang --sha256 $sum
echo "=== what was asked of the server"
sort asked | uniq -c
