// SPDX-License-Identifier: MIT
// The stand-in's control port.
'use strict';
const http = require('node:http');

const DEADLINE_MS = 20000;

class StandIn {
    // ready: the text of its ready file, "listen=PORT control=PORT"
    constructor(protocol, ready) {
        const port = (name) => ready.match(new RegExp(`${name}=(\\d+)`))[1];
        this.place = { protocol, host: `127.0.0.1:${port('listen')}` };
        this.control = port('control');
    }

    ask(method, path, body) {
        return new Promise((resolve, reject) => {
            const request = http.request({ host: '127.0.0.1', port: this.control, method, path, timeout: DEADLINE_MS }, (answer) => {
                const parts = [];
                answer.on('data', (part) => parts.push(part));
                answer.on('error', reject);
                answer.on('end', () => {
                    const text = Buffer.concat(parts).toString('utf8');
                    if (answer.statusCode === 200) resolve(JSON.parse(text));
                    else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
                });
            });
            request.on('timeout', () => request.destroy(new Error(`${path}: no answer`)));
            request.on('error', reject);
            request.end(body && JSON.stringify(body));
        });
    }

    async forget() {
        await this.ask('DELETE', '/_mock/record?tokens=1');
        await this.ask('DELETE', '/_mock/faults');
        await this.ask('DELETE', '/_mock/world');
    }

    record() {
        return this.ask('GET', '/_mock/record?list=1&full=1');
    }

    fault(rule) {
        return this.ask('POST', '/_mock/faults', rule);
    }
}

module.exports = { StandIn };
