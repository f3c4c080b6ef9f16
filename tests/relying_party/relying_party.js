// A relying party of another language: npm openid-client goes through every endpoint of a running Vouchsafe as a web app
// would, and fills in the pages as a person without script would.
//
// Reads DEMO, the JSON line of `vouchsafe demo --json`, or RP_ISSUER, RP_CLIENT_ID, RP_CLIENT_SECRET, RP_REDIRECT_URI,
// RP_USERNAME and RP_PASSWORD. Prints a line for each check; the last one is "N passed, N failed". Talks to loopback addresses only.

import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'

const settings = readSettings(process.env)
const browser = new Browser()
const seen = {}
let passed = 0
let failed = 0

function readSettings(env) {
  if (!env.DEMO) {
    const { RP_ISSUER, RP_CLIENT_ID, RP_CLIENT_SECRET, RP_REDIRECT_URI, RP_USERNAME, RP_PASSWORD } = env
    return {
      issuer: RP_ISSUER,
      clientId: RP_CLIENT_ID,
      secret: RP_CLIENT_SECRET,
      redirectUri: RP_REDIRECT_URI,
      username: RP_USERNAME,
      password: RP_PASSWORD,
    }
  }
  const { issuer, users, clients } = JSON.parse(env.DEMO)
  const client = clients.find((one) => one.client_secret) ?? clients[0]
  return {
    issuer,
    clientId: client.client_id,
    secret: client.client_secret,
    redirectUri: client.redirect_uris[0],
    username: users[0].username,
    password: users[0].password,
  }
}

// Each check stands on the ones before it, so the first failure ends the run.
async function check(name, act) {
  try {
    await act()
    passed += 1
    console.log(`ok      ${name}`)
  } catch (error) {
    failed += 1
    console.log(`FAILED  ${name}: ${error?.stack ?? error}`, error?.cause ?? '')
    throw error
  }
}

// Sends the browser to the authorization endpoint and returns the address it was sent back to, and what to check there.
async function authorize(scope, more = {}) {
  const verifier = oidc.randomPKCECodeVerifier()
  const expected = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() }
  const address = oidc.buildAuthorizationUrl(seen.config, {
    redirect_uri: settings.redirectUri,
    scope,
    state: expected.expectedState,
    nonce: expected.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  const page = await browser.open(address)
  return { page, expected }
}

// Signs in and allows whatever is asked, until the browser is sent back to the relying party.
async function passPages(first) {
  let page = first
  for (let steps = 0; steps < 6 && !page.leaves(settings.redirectUri); steps += 1) {
    if (page.has('sign-in')) {
      page = await browser.press(page, 'sign-in', { username: settings.username, password: settings.password })
    } else if (page.has('allow')) {
      page = await browser.press(page, 'allow')
    } else {
      throw new Error(`an unexpected page, status ${page.status}, at ${page.url}:\n${page.body.slice(0, 2000)}`)
    }
  }
  assert.ok(page.leaves(settings.redirectUri), `not sent back, but at ${page.url}`)
  return page.location
}

async function main() {
  await check('discovery names the issuer, PKCE S256 and the iss parameter', async () => {
    seen.config = await oidc.discovery(new URL(settings.issuer), settings.clientId, undefined, oidc.ClientSecretBasic(settings.secret), {
      execute: [oidc.allowInsecureRequests],
    })
    const metadata = seen.config.serverMetadata()
    assert.equal(metadata.issuer, settings.issuer)
    assert.ok(seen.config.serverMetadata().supportsPKCE())
    assert.equal(metadata.authorization_response_iss_parameter_supported, true)
    oidc.enableNonRepudiationChecks(seen.config)
  })

  await check('authorization code flow with PKCE, through the pages', async () => {
    const { page, expected } = await authorize('openid profile email offline_access', { prompt: 'consent' })
    const callback = await passPages(page)
    assert.equal(callback.searchParams.get('iss'), settings.issuer)
    seen.callback = callback
    seen.expected = expected
    seen.tokens = await oidc.authorizationCodeGrant(seen.config, callback, { ...expected, idTokenExpected: true })
    assert.equal(seen.tokens.token_type, 'bearer')
    seen.sub = seen.tokens.claims().sub
  })

  await check('userinfo is about the same person', async () => {
    const answer = await oidc.fetchUserInfo(seen.config, seen.tokens.access_token, seen.sub)
    assert.equal(answer.sub, seen.sub)
    assert.ok(answer.email)
  })

  await check('a second authorization needs no page', async () => {
    const { page, expected } = await authorize('openid email', { prompt: 'none' })
    assert.ok(page.leaves(settings.redirectUri), `prompt=none stayed at ${page.url}`)
    const tokens = await oidc.authorizationCodeGrant(seen.config, page.location, { ...expected, idTokenExpected: true })
    assert.equal(tokens.claims().sub, seen.sub)
  })

  await check('refresh gives new tokens of the same person', async () => {
    const fresh = await oidc.refreshTokenGrant(seen.config, seen.tokens.refresh_token)
    assert.notEqual(fresh.access_token, seen.tokens.access_token)
    assert.notEqual(fresh.refresh_token, seen.tokens.refresh_token)
    assert.equal(fresh.claims()?.sub ?? seen.sub, seen.sub)
    seen.tokens = { ...fresh, id_token: fresh.id_token ?? seen.tokens.id_token }
  })

  await check('introspection knows the access token', async () => {
    const answer = await oidc.tokenIntrospection(seen.config, seen.tokens.access_token)
    assert.equal(answer.active, true)
    assert.equal(answer.sub, seen.sub)
    assert.equal(answer.client_id, settings.clientId)
  })

  await check('a revoked access token is dead at introspection and userinfo', async () => {
    await oidc.tokenRevocation(seen.config, seen.tokens.access_token)
    assert.deepEqual(await oidc.tokenIntrospection(seen.config, seen.tokens.access_token), { active: false })
    await assert.rejects(oidc.fetchUserInfo(seen.config, seen.tokens.access_token, seen.sub), { status: 401 })
  })

  await check('a revoked refresh token is dead', async () => {
    const alive = await oidc.refreshTokenGrant(seen.config, seen.tokens.refresh_token)
    await oidc.tokenRevocation(seen.config, alive.refresh_token, { token_type_hint: 'refresh_token' })
    await assert.rejects(oidc.refreshTokenGrant(seen.config, alive.refresh_token), { error: 'invalid_grant' })
    assert.deepEqual(await oidc.tokenIntrospection(seen.config, alive.refresh_token), { active: false })
  })

  await check('a code is good for one use', async () => {
    const again = oidc.authorizationCodeGrant(seen.config, seen.callback, { ...seen.expected, idTokenExpected: true })
    await assert.rejects(again, { error: 'invalid_grant' })
  })

  await check('a wrong client secret is refused', async () => {
    const wrong = await oidc.discovery(new URL(settings.issuer), settings.clientId, undefined, oidc.ClientSecretBasic('not the secret'), {
      execute: [oidc.allowInsecureRequests],
    })
    // This grant is refused by its client's proof before anything else is looked at.
    // A 401 that comes with a challenge is told as the challenge (RFC 6749 section 5.2).
    await assert.rejects(oidc.refreshTokenGrant(wrong, 'rt_none'), { status: 401 })
  })

  await check('end_session signs out', async () => {
    let page = await browser.open(oidc.buildEndSessionUrl(seen.config, { id_token_hint: seen.tokens.id_token }))
    if (page.has('sign-out')) page = await browser.press(page, 'sign-out')
    assert.ok(page.has('signed-out'), `no signed-out marker at ${page.url}:\n${page.body.slice(0, 2000)}`)
    const { page: after } = await authorize('openid', { prompt: 'none' })
    assert.ok(after.leaves(settings.redirectUri))
    assert.equal(after.location.searchParams.get('error'), 'login_required')
  })
}

await main().catch(() => {})
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
