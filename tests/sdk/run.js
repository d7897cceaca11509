// SPDX-License-Identifier: MIT
// Runs the checks against two stand-ins that run already, and prints one line for each.
// Usage: SDK_DIR=… node run.js READY-FILE-OF-TLS READY-FILE-OF-HTTP
'use strict';
const fs = require('node:fs');
const { ways } = require('./clients');
const { KEY, ofEachWay, ofOneSdk, pushes } = require('./checks');
const { StandIn } = require('./stand_in');

const DEADLINE_MS = 60000;
let passed = 0;
let failed = 0;

function within(promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${DEADLINE_MS} ms`)), DEADLINE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function check(name, standIn, body) {
    try {
        await standIn.forget();
        await within(body());
        passed++;
        console.log(`ok    ${name}`);
    } catch (e) {
        failed++;
        const lines = String(e.stack).split('\n').filter((line) => !/node_modules|node:internal/.test(line)); // what is ours
        console.log(`FAIL  ${name}\n      ${lines.join('\n      ')}`);
    }
}

async function main([tlsReady, plainReady]) {
    const tls = new StandIn('https', fs.readFileSync(tlsReady, 'utf8'));
    const plain = new StandIn('http', fs.readFileSync(plainReady, 'utf8'));
    for (const [way, how] of Object.entries(ways)) {
        for (const [name, body] of Object.entries(ofEachWay)) {
            await check(`${way}: ${name}`, tls, () => body(tls, how[2](tls.place, KEY), how));
        }
        await check(`${way}: Push over plain HTTP`, plain, () => pushes(plain, how[2](plain.place, KEY), how));
    }
    for (const [name, body] of Object.entries(ofOneSdk)) {
        await check(name, tls, () => body(tls));
    }
}

main(process.argv.slice(2)).then(() => {
    console.log(`sdk: ${passed} passed, ${failed} failed`);
    process.exit(failed || !passed ? 1 : 0);
}, (e) => {
    console.log(`${e.stack}\nsdk: ${passed} passed, ${failed + 1} failed`);
    process.exit(1);
});
