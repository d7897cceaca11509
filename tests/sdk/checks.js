// SPDX-License-Identifier: MIT
// What is checked of each way to call, and of the SDKs' habits. A check throws when it fails.
'use strict';
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const https = require('node:https');
const tls = require('node:tls');
const { PATIENCE_MS, RetryOptions, installed, openapiCore, ways } = require('./clients');

const KEY = { id: 'mock-id', secret: 'mock-secret' };
const WRONG_SECRET = { id: 'mock-id', secret: 'not-the-secret' };
const UNKNOWN = { id: 'nobody', secret: 'mock-secret' };
const DEVICE = '0123456789abcdef0123456789abcdef';
const OTHER = 'fedcba9876543210fedcba9876543210';
// Everything that one of the two encodings, a form or a JSON text could bend.
const HARD = '停课通知 😀👩‍👩‍👧 é=é +&=%25~*\'()!"<>\\/;,#?\t\r\n\u00a0end ';
const EXPRESSION = JSON.stringify({ and: [{ tag: '一年级(3)班😀' }, { not: { tag: '住校 & "走读"+' } }] });
const LONG_MS = 600000; // the stand-in's delay that outlasts any time-out of a client

const push = (more) => ({
    AppKey: '23456789', PushType: 'NOTICE', DeviceType: 'ALL', Target: 'TAG', TargetValue: EXPRESSION, Title: '通知📣 ' + HARD, Body: HARD,
    JobKey: 'sdk', AndroidNotificationChannel: '1', AndroidExtParameters: JSON.stringify({ 键: '值😀' }), iOSApnsEnv: 'DEV', StoreOffline: 'true',
    ...more,
});

async function failure(promise) {
    const answer = await promise.catch((e) => e);
    assert.ok(answer instanceof Error, `answered ${JSON.stringify(answer)}`);
    return answer;
}

async function refused(promise, code) {
    const error = await failure(promise);
    assert.equal(error.code, code, `${error.name}: ${error.message}`);
    return error;
}

async function until(condition) {
    for (const end = Date.now() + PATIENCE_MS; !await condition();) {
        assert.ok(Date.now() < end, `not within ${PATIENCE_MS} ms: ${condition}`);
    }
}

const messageIds = (answer) => answer.MessageIds.MessageId;
const only = (record) => {
    assert.equal(record.calls, 1);
    return record.list[0];
};

// --- of each way: (stand-in, call, [signature, method, make]) ---

async function pushes(standIn, call, [signature, method]) {
    const sent = push();
    const answer = await call('Push', sent);
    const got = only(await standIn.record());
    assert.deepEqual(got.parameters, sent);
    assert.deepEqual([got.signature, got.method, got.action, got.outcome], [signature, method, 'Push', 'pushed']);
    assert.deepEqual([got.message_id, got.request_id], [answer.MessageId, answer.RequestId]);
    assert.equal(got.target_value_digest, crypto.createHash('sha256').update(EXPRESSION).digest('hex').slice(0, 32));
}

async function massPushes(standIn, call, [signature]) {
    const task = (target, more) => ({ PushType: 'MESSAGE', DeviceType: 'ANDROID', Target: target, Title: HARD, Body: HARD, ...more });
    const tasks = [
        task('DEVICE', { TargetValue: DEVICE, JobKey: 'first' }), task('ALIAS', { TargetValue: '张三😀,李 四+&', JobKey: 'second' }),
        ...Array.from({ length: 9 }, (_, i) => task('ACCOUNT', { TargetValue: `用户${i}`, JobKey: `more-${i}` })), // 10 sorts before 2
    ];
    const token = crypto.randomUUID();
    const sent = { AppKey: '23456789', IdempotentToken: token, PushTask: tasks };
    const answer = await call('MassPush', sent);
    const got = only(await standIn.record());
    const wanted = { AppKey: '23456789', IdempotentToken: token };
    tasks.forEach((t, i) => Object.entries(t).forEach(([name, value]) => { wanted[`PushTask.${i + 1}.${name}`] = value; }));
    assert.deepEqual(got.parameters, wanted);
    assert.deepEqual(got.tasks.map((t) => [t.job_key, t.target, t.body]), tasks.map((t) => [t.JobKey, t.Target, HARD]));
    assert.deepEqual(got.tasks.map((t) => t.message_id), messageIds(answer));
    assert.equal(got.signature, signature);
    assert.deepEqual(messageIds(await call('MassPush', sent)), messageIds(answer)); // a repeat with the token pushes nothing
    assert.equal((await standIn.record()).suppressed, 1);
}

async function tagsAndAliases(standIn, call) {
    const app = { AppKey: '23456789' };
    const key = { ...app, ClientKey: DEVICE, KeyType: 'DEVICE' };
    const tags = ['一年级😀', 'a b+c&d=e%', "o'clock (8)*~!"];
    const aliases = ['张三😀', 'x+y z/\\"'];
    const tagsOf = async () => (await call('QueryTags', key)).TagInfos.TagInfo.map((t) => t.TagName).sort();
    const allTags = async () => (await call('ListTags', app)).TagInfos.TagInfo.map((t) => t.TagName).sort();
    const aliasesOf = async () => (await call('QueryAliases', { ...app, DeviceId: DEVICE })).AliasInfos.AliasInfo.map((a) => a.AliasName).sort();

    await call('BindTag', { ...key, ClientKey: `${DEVICE},${OTHER}`, TagName: tags.join() });
    assert.deepEqual(await tagsOf(), [...tags].sort());
    assert.deepEqual(await allTags(), [...tags].sort());
    await call('UnbindTag', { ...key, TagName: tags.slice(1).join() });
    assert.deepEqual(await tagsOf(), tags.slice(0, 1));
    await call('BindAlias', { ...app, DeviceId: DEVICE, AliasName: aliases.join() });
    assert.deepEqual(await aliasesOf(), [...aliases].sort());
    await call('UnbindAlias', { ...app, DeviceId: DEVICE, AliasName: aliases[0] });
    assert.deepEqual(await aliasesOf(), [aliases[1]]);
    await call('UnbindAlias', { ...app, DeviceId: DEVICE, UnbindAll: 'true' });
    assert.deepEqual(await aliasesOf(), []);
    const { list } = await standIn.record();
    assert.deepEqual(new Set(list.map((c) => c.action)),
        new Set(['BindTag', 'QueryTags', 'ListTags', 'UnbindTag', 'BindAlias', 'QueryAliases', 'UnbindAlias']));
    assert.equal(list.find((c) => c.action === 'BindTag').parameters.TagName, tags.join());
}

async function refusals(standIn, call, [, , make]) {
    const wrong = await refused(make(standIn.place, WRONG_SECRET)('Push', push()), 'SignatureDoesNotMatch');
    assert.match(wrong.message, /server string to sign is:/);
    await refused(make(standIn.place, UNKNOWN)('Push', push()), 'InvalidAccessKeyId.NotFound');
    await refused(call('PushThere', push()), 'InvalidApi.NotFound');
    await refused(call('Push', push({ TargetValue: '{"tag":' })), 'InvalidTargetValue.Format');
    const record = await standIn.record();
    assert.deepEqual([record.refused, record.pushes], [4, 0]);
}

async function temporaryKeys(standIn, call, [, , make]) {
    const sts = make(standIn.place, { ...KEY, version: '2015-04-01' });
    const { Credentials } = await sts('AssumeRole', { RoleArn: 'acs:ram::1:role/推送', RoleSessionName: 'sdk' });
    const key = { id: Credentials.AccessKeyId, secret: Credentials.AccessKeySecret, token: Credentials.SecurityToken };
    await make(standIn.place, key)('Push', push());
    await refused(make(standIn.place, { ...key, token: undefined })('Push', push()), 'MissingSecurityToken');
    await refused(make(standIn.place, { ...key, token: 'another' })('Push', push()), 'InvalidSecurityToken.Malformed');
    const record = await standIn.record();
    assert.deepEqual([record.pushes, record.refused], [1, 2]);
}

// A kept connection serves several calls, refusals among them.
async function keepsTheConnection(standIn, call) {
    await call('ListTags', { AppKey: '23456789' });
    await standIn.ask('DELETE', '/_mock/record');
    for (let i = 0; i < 5; i++) {
        await call('Push', push({ JobKey: `keep-${i}` }));
        await refused(call('Push', push({ Target: 'NOBODY' })), 'InvalidTarget.Format');
    }
    const record = await standIn.record();
    assert.deepEqual([record.pushes, record.refused, record.connections], [5, 5, 0]);
}

async function tellsOfThrottling(standIn, call) {
    await standIn.fault({ kind: 'throttle', count: 1, headers: { 'x-acs-retry-after': '1' } });
    await refused(call('Push', push()), 'Throttling.User');
    await standIn.fault({ kind: 'error', count: 1 });
    await refused(call('Push', push()), 'ServiceUnavailable');
    await call('Push', push());
    const record = await standIn.record();
    assert.deepEqual([record.throttled, record.faulted, record.pushes], [1, 1, 1]); // these SDKs repeat nothing by themselves
}

// The provider has pushed and the connection breaks: the repeat with the same token learns of it.
async function lostAnswer(standIn, call) {
    const sent = push({ IdempotentToken: crypto.randomUUID() });
    await standIn.fault({ kind: 'drop_after_accept', count: 1 });
    assert.equal((await failure(call('Push', sent))).code, 'ECONNRESET');
    const answer = await call('Push', sent);
    const { list } = await standIn.record();
    assert.deepEqual(list.map((c) => c.outcome), ['pushed', 'suppressed']);
    assert.equal(list[0].message_id, answer.MessageId);
}

const ofEachWay = {
    'Push to a tag expression, byte for byte': pushes,
    'MassPush of eleven tasks, byte for byte, and its repeat': massPushes,
    'seven actions on tags and aliases': tagsAndAliases,
    'a wrong secret, key, action and value are refused': refusals,
    'temporary keys of AssumeRole': temporaryKeys,
    'one connection for ten calls': keepsTheConnection,
    'throttling and an error reach the caller': tellsOfThrottling,
    'a lost answer, found again by its token': lostAnswer,
};

// --- habits of one SDK: (stand-in) ---

const popCoreGet = (standIn, key = KEY) => ways['pop-core GET'][2](standIn.place, key);

async function popCoreCapitals(standIn) {
    const call = popCoreGet(standIn);
    const error = await refused(call('Push', push(), { formatParams: true }), 'InvalidParameter');
    assert.match(error.message, /^IOSApnsEnv is not a parameter of Push/);
    await call('push', { appKey: '1', deviceType: 'ANDROID', pushType: 'MESSAGE', target: 'ALL', targetValue: 'ALL', title: 't', body: 'b' },
        { formatParams: true });
    assert.equal((await standIn.record()).list[1].parameters.TargetValue, 'ALL');
}

async function popCoreCommonParameters(standIn) {
    const call = popCoreGet(standIn);
    await call('Push', { ...push(), RegionId: 'cn-hangzhou', Format: 'JSON' });
    await call('Push', { ...push(), Format: 'json' }, { method: 'POST', headers: { 'X-ACS-Action': 'MassPush', Authorization: 'Basic eDp5' } });
    const record = await standIn.record();
    assert.deepEqual([record.pushes, record.list[1].method, record.list[1].action], [2, 'POST', 'Push']);
    assert.deepEqual(record.list[1].parameters, push());
}

async function popCoreSignatureElements(standIn) {
    const call = popCoreGet(standIn);
    await refused(call('Push', { ...push(), SignatureVersion: '2.0' }), 'IncompleteSignature');
    await refused(call('Push', { ...push(), SignatureNonce: 'same' }).then(() => call('Push', { ...push(), SignatureNonce: 'same' })), 'SignatureNonceUsed');
    await refused(call('Push', { ...push(), Timestamp: '2020-01-01T00:00:00Z' }), 'InvalidTimeStamp.Expired');
    await refused(call('Push', { ...push(), SignatureMethod: [] }), 'MissingSignatureMethod'); // an empty list is not sent
}

// The call goes out at once on a kept connection, so the SDK's time is spent on waiting.
async function stopsWaiting(standIn, call, options) {
    await call('ListTags', { AppKey: '23456789' });
    await standIn.fault({ kind: 'latency', latency_ms: LONG_MS, count: 1 });
    const error = await failure(call('Push', push(), options));
    assert.equal(error.name.replace(/Error$/, ''), 'RequestTimeout', error.message);
    await until(async () => (await standIn.record()).pushes === 1);
}

async function openapiCoreRetries(standIn) {
    const retryOptions = new RetryOptions({
        retryable: true, retryCondition: [{ maxAttempts: 4, exception: ['ThrottlingError'], errorCode: ['ServiceUnavailable'], maxDelay: 1000 }],
    });
    const call = openapiCore({ retryOptions })(standIn.place, KEY);
    await standIn.fault({ kind: 'throttle', count: 2, headers: { 'x-acs-retry-after': '1' } });
    await standIn.fault({ kind: 'error', count: 1 });
    const sent = push({ IdempotentToken: crypto.randomUUID() });
    const answer = await call('Push', sent);
    const { list } = await standIn.record();
    assert.deepEqual(list.map((c) => c.code), ['Throttling.User', 'Throttling.User', 'ServiceUnavailable', null]);
    assert.equal(list[3].message_id, answer.MessageId);
    assert.deepEqual(list.map((c) => c.parameters), [sent, sent, sent, sent]);
}

async function bothSchemes(standIn) {
    const call = ways['openapi-client query POST'][2](standIn.place, KEY);
    const error = await refused(call('Push', push(), { more: { SignatureVersion: '1.0' } }), 'InvalidParameter');
    assert.match(error.message, /SignatureVersion is not a parameter of Push/);
    await call('Push', push(), { more: { RegionId: 'cn-hangzhou' } });
    assert.equal((await standIn.record()).list[0].signature, 'v3');
}

// What the SDKs' own settings for it do; the other checks have NODE_EXTRA_CA_CERTS.
async function caByOption(standIn) {
    const right = fs.readFileSync(process.env.NODE_EXTRA_CA_CERTS, 'utf8');
    const wrong = tls.rootCertificates[0];
    for (const way of ['pop-core POST', 'openapi-client form', 'openapi-core form']) {
        const make = (ca) => ways[way][2]({ ...standIn.place, ca, agent: new https.Agent({ ca }) }, KEY);
        await make(right)('Push', push());
        const error = await failure(make(wrong)('Push', push()));
        assert.match(`${error.code} ${error.message}`, /SELF_SIGNED_CERT|UNABLE_TO_|certificate/);
    }
    assert.equal((await standIn.record()).calls, 3);
}

// The indented blocks of the documentation's section, which end in a return.
async function documentedExamples(standIn) {
    const section = fs.readFileSync('docs/mock.md', 'utf8').match(/\n## The vendor's SDKs against it\n(.*?)\n## /s)[1];
    const blocks = section.match(/(^ {4}.*\n)+/gm);
    assert.equal(blocks.length, 2);
    const [popCore, older] = blocks.map((block) =>
        block.replace('127.0.0.1:8443', standIn.place.host).replace('build/mock-tls/ca.pem', process.env.NODE_EXTRA_CA_CERTS));
    const newer = older.replace('openapi-client', 'openapi-core').replace('= OpenApi;', '= OpenApi.$OpenApiUtil;');
    for (const code of [popCore, older, newer]) {
        const answer = await new Function('require', `return (async () => {${code}})()`)(installed);
        const { list } = await standIn.record();
        assert.equal(list.at(-1).message_id, answer.MessageId);
        assert.equal(list.at(-1).body, '停课 😀');
    }
}

const ofOneSdk = {
    'pop-core capitalises iOSApnsEnv unless told not to, and the stand-in says so': popCoreCapitals,
    'pop-core with RegionId, Format and headers of another action': popCoreCommonParameters,
    'pop-core with a wrong version, nonce and time, and without a signature method': popCoreSignatureElements,
    'pop-core stops waiting after its timeout': (s) => stopsWaiting(s, popCoreGet(s), { timeout: 300 }),
    'openapi-client stops waiting after its readTimeout': (s) =>
        stopsWaiting(s, ways['openapi-client query POST'][2](s.place, KEY), { runtime: { readTimeout: 300, connectTimeout: PATIENCE_MS } }),
    'openapi-core repeats what was throttled, signed anew': openapiCoreRetries,
    'the examples of docs/mock.md': documentedExamples,
    'ACS3 beside SignatureVersion is judged as V3': bothSchemes,
    'a CA by the option of each SDK; with another one nothing is sent': caByOption,
};

module.exports = { KEY, ofEachWay, ofOneSdk, pushes };
