# SPDX-License-Identifier: Apache-2.0
# studio.py PORT: asks a running studio as its page does, and as no page should; prints what it answers.
import http.client
import json
import socket
import struct
import sys
import threading

port = int(sys.argv[1])
own = f'127.0.0.1:{port}'


def ask(method, path, body=None, type='application/json', **headers):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    headers = {k.replace('_', '-'): v for k, v in headers.items()}
    if body is not None:
        headers['Content-Type'] = type
        body = body if isinstance(body, (bytes, str)) else json.dumps(body)
    c.request(method, path, body, headers)
    r = c.getresponse()
    data = r.read()
    c.close()
    return r, data


def api(path, body=None, method=None, **headers):
    r, data = ask(method or ('GET' if body is None else 'POST'), '/api/v1/' + path, body, **headers)
    return r.status, json.loads(data) if r.headers['Content-Type'] == 'application/json' else data, r


def raw(text, wait=0.5):
    s = socket.create_connection(('127.0.0.1', port), timeout=wait)
    s.sendall(text)
    got = b''
    try:
        while chunk := s.recv(65536):
            got += chunk
    except TimeoutError:
        got += b'(nothing more)'
    s.close()
    return got


def size(png):
    return struct.unpack('>II', png[16:24])
