// SPDX-License-Identifier: MIT
// The vendor's SDKs behind one face: each way to call is a function of (place, key) that gives
// call(action, parameters, options), which answers the body or throws an error with the provider's code.
'use strict';
const path = require('node:path');
const { createRequire } = require('node:module');

const installed = createRequire(path.join(process.env.SDK_DIR, 'package.json'));
const PopCore = installed('@alicloud/pop-core').RPCClient;
const openapiClient = installed('@alicloud/openapi-client');
const openapiCore = installed('@alicloud/openapi-core');
const OpenApiUtil = installed('@alicloud/openapi-util').default;
const { RuntimeOptions } = installed('@alicloud/tea-util');
const { RetryOptions } = installed('@darabonba/typescript');

const PRODUCT = '2016-08-01';
const PATIENCE_MS = 20000; // the SDKs' own 3 s would judge a busy machine

// place: {protocol: 'https', host: '127.0.0.1:PORT'}, and where NODE_EXTRA_CA_CERTS is not to do: agent (pop-core), ca (the others)
// key: {id, secret}, with a token a temporary one
function popCore(method) {
    return (place, key) => {
        const client = new PopCore({
            endpoint: `${place.protocol}://${place.host}`,
            apiVersion: key.version || PRODUCT,
            accessKeyId: key.id,
            accessKeySecret: key.secret,
            securityToken: key.token,
            opts: { method, formatParams: false, timeout: PATIENCE_MS, agent: place.agent },
        });
        return (action, parameters, options) => client.request(action, parameters, options);
    };
}

// Where a call's parameters go: all into the query, all into the form body, or as the vendor's generated clients have it.
const places = {
    query: (sdk, all) => ({ query: sdk.flat(all) }),
    form: (sdk, all) => ({ body: all }),
    generated: (sdk, { PushTask, ...others }) => ({ query: sdk.flat(others), ...(PushTask && { body: { PushTask } }) }),
};

// sdk: openapi-client or openapi-core, which have the same face
function openapi(sdk, method, where, config = {}) {
    return (place, key) => {
        const client = new sdk.Client(new sdk.Config({
            accessKeyId: key.id,
            accessKeySecret: key.secret,
            securityToken: key.token,
            type: key.token ? 'sts' : 'access_key',
            endpoint: place.host,
            protocol: place.protocol.toUpperCase(),
            regionId: 'cn-hangzhou',
            ca: place.ca,
            readTimeout: PATIENCE_MS,
            connectTimeout: PATIENCE_MS,
            ...config,
        }));
        return async (action, parameters, options = {}) => {
            const params = new sdk.Params({
                action, method, version: key.version || PRODUCT, protocol: 'HTTPS', pathname: '/', authType: 'AK', style: 'RPC',
                reqBodyType: 'formData', bodyType: 'json',
            });
            const request = new sdk.OpenApiRequest(places[where](sdk, { ...parameters, ...options.more }));
            return (await client.callApi(params, request, new RuntimeOptions(options.runtime || {}))).body;
        };
    };
}

const older = { ...openapiClient, Client: openapiClient.default, flat: OpenApiUtil.query };
const core = { ...openapiCore.$OpenApiUtil, Client: openapiCore.default, flat: openapiCore.OpenApiUtil.query };

module.exports = {
    PATIENCE_MS,
    installed,
    RetryOptions,
    openapiCore: (config) => openapi(core, 'POST', 'query', config),
    // name → [signature and method that the stand-in must see, client]
    ways: {
        'pop-core GET': ['v1', 'GET', popCore('GET')],
        'pop-core POST': ['v1', 'POST', popCore('POST')],
        'openapi-client query GET': ['v3', 'GET', openapi(older, 'GET', 'query')],
        'openapi-client query POST': ['v3', 'POST', openapi(older, 'POST', 'query')],
        'openapi-client form': ['v3', 'POST', openapi(older, 'POST', 'form')],
        'openapi-client V1 query': ['v1', 'POST', openapi(older, 'POST', 'query', { signatureAlgorithm: 'v2' })],
        'openapi-client V1 form': ['v1', 'POST', openapi(older, 'POST', 'form', { signatureAlgorithm: 'v2' })],
        'openapi-core as generated': ['v3', 'POST', openapi(core, 'POST', 'generated')],
        'openapi-core form': ['v3', 'POST', openapi(core, 'POST', 'form')],
    },
};
