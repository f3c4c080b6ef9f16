// A mail server for the tests: what it is told on the command line is how it behaves, what it gets it prints, a JSON line a
// mail. The first line is its port.
//
//   node server.js '{"tls": "starttls", "user": "house", "password": "…", "greylist": 1, "refuse": "no@example.com", "port": 0}'

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { SMTPServer } = require('smtp-server')
const { simpleParser } = require('mailparser')

const wish = JSON.parse(process.argv[2] ?? '{}')
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const refuse = (code, why) => Object.assign(new Error(why), { responseCode: code })

let greylisted = wish.greylist ?? 0
let connections = 0

const server = new SMTPServer({
  secure: wish.tls === 'always',
  disabledCommands: [...(wish.tls === 'starttls' ? [] : ['STARTTLS']), ...(wish.user ? [] : ['AUTH'])],
  authOptional: !wish.user,
  allowInsecureAuth: true,
  key: readFileSync(join(__dirname, 'server.key')),
  cert: readFileSync(join(__dirname, 'server.pem')),
  logger: false,
  onConnect(session, done) {
    connections += 1
    done()
  },
  onAuth(auth, session, done) {
    if (auth.username === wish.user && auth.password === wish.password) return done(null, { user: auth.username })
    done(refuse(535, 'Authentication failed'))
  },
  onMailFrom(address, session, done) {
    if (wish.sender && address.address !== wish.sender) return done(refuse(550, 'not your address'))
    done()
  },
  onRcptTo(address, session, done) {
    if (address.address === wish.refuse) return done(refuse(550, `<${address.address}>: nobody here`))
    if (greylisted > 0) {
      greylisted -= 1
      return done(refuse(450, `<${address.address}>: come back later`))
    }
    done()
  },
  onData(stream, session, done) {
    const chunks = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('end', async () => {
      const raw = Buffer.concat(chunks)
      const mail = await simpleParser(raw)
      say({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map((one) => one.address),
        hello: session.hostNameAppearsAs,
        secure: session.secure,
        user: session.user ?? null,
        connections,
        headers: Object.fromEntries(mail.headerLines.map(({ key, line }) => [key, line])),
        senderName: mail.from?.value[0]?.name,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        messageId: mail.messageId,
        date: mail.date,
      })
      done()
    })
  },
})
server.on('error', () => {})
server.listen(wish.port ?? 0, '127.0.0.1', () => say({ port: server.server.address().port }))
