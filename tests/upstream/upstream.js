// An OpenID Connect provider of another hand (npm `oidc-provider`) for the tests: the first line that it prints is its issuer.
// Whoever types a name is that person, with `NAME@example.com`.
//
//   node upstream.js '{"redirect_uris": ["http://localhost:1/upstream/real/callback"], …}'

import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const wish = JSON.parse(process.argv[2] ?? '{}')
const server = createServer()

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'vouchsafe', client_secret: 'a secret of the test, long enough', ...wish }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
    cookies: { keys: ['a key of the test'] },
    features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    // Its own guard would not call this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: `${id} Elsewhere` }),
    }),
  })
  server.on('request', provider.callback())
  process.stdout.write(JSON.stringify({ issuer }) + '\n')
})
