// As much of a browser as the pages need: cookies, redirects within one origin, forms. No script runs, as for a person
// who has it turned off. Never sends a request beyond this machine.

import assert from 'node:assert/strict'

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const decode = (text) =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : (ENTITIES[name] ?? whole),
  )

function attributes(tag) {
  const found = {}
  for (const [, name, double, single, bare] of tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g)) {
    found[name.toLowerCase()] = decode(double ?? single ?? bare ?? '')
  }
  return found
}

class Page {
  constructor(url, status, location, body) {
    Object.assign(this, { url, status, location, body })
  }

  has(id) {
    return new RegExp(`\\bid=["']?${id}["'\\s>]`).test(this.body)
  }

  // Whether this answer sends the browser to that address (whatever its query).
  leaves(address) {
    return this.location !== undefined && this.location.href.split(/[?#]/)[0] === new URL(address).href
  }

  // The form whose button has this id, with what it would send untouched.
  form(button) {
    const pressed = new RegExp(`<(?:button|input)\\b[^>]*\\bid=["']?${button}["'\\s>][^>]*>?`)
    for (const [whole, head, inner] of this.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
      const tag = pressed.exec(whole)
      if (!tag) continue
      const { action = '', method = 'get' } = attributes(head)
      const fields = new URLSearchParams()
      for (const [, input] of inner.matchAll(/<input\b([^>]*)>/g)) {
        const { type = 'text', name, value = '', ...rest } = attributes(input)
        const silent = type === 'submit' || ((type === 'checkbox' || type === 'radio') && !('checked' in rest))
        if (name && !silent && !('disabled' in rest)) fields.append(name, value)
      }
      const own = attributes(tag[0].replace(/^<\w+/, ''))
      if (own.name) fields.append(own.name, own.value ?? '')
      return { action: new URL(own.formaction ?? (action || this.url), this.url), method: method.toLowerCase(), fields }
    }
    throw new Error(`no form with a button '${button}' at ${this.url}`)
  }
}

export class Browser {
  #cookies = new Map()

  // Goes to an address and follows redirects until a page, or until one leads away from its origin.
  async open(address) {
    return this.#settle(await this.#send(new URL(address), 'GET', undefined, 'none'))
  }

  async press(page, button, values = {}) {
    const { action, method, fields } = page.form(button)
    for (const [name, value] of Object.entries(values)) {
      assert.ok(fields.has(name), `the form at ${page.url} has no field '${name}'`)
      fields.set(name, value)
    }
    if (method === 'post') return this.#settle(await this.#send(action, 'POST', fields, 'same-origin'))
    action.search = fields
    return this.#settle(await this.#send(action, 'GET', undefined, 'same-origin'))
  }

  async #settle(first) {
    let page = first
    for (let hops = 0; page.location && page.location.origin === page.url.origin; hops += 1) {
      assert.ok(hops < 10, `redirects without end at ${page.url}`)
      // A relying party's callback may stand on the issuer's own origin (the demo's does): it is not ours to call.
      if (page.location.searchParams.has('code') || page.location.searchParams.has('error')) break
      page = await this.#send(page.location, 'GET', undefined, 'same-origin')
    }
    return page
  }

  async #send(url, method, fields, site) {
    assert.match(url.hostname, LOOPBACK, `${url} is not on this machine`)
    const headers = { accept: 'text/html', 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    if (this.#cookies.size > 0) headers.cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    if (method === 'POST') headers.origin = url.origin
    const answer = await fetch(url, { method, headers, body: fields, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    const target = answer.headers.get('location')
    return new Page(url, answer.status, target === null ? undefined : new URL(target, url), await answer.text())
  }

  #keep(line) {
    const [pair, ...parts] = line.split(';').map((part) => part.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const ended = parts.some((part) => /^max-age=(0|-\d+)$/i.test(part) || Date.parse(/^expires=(.*)$/i.exec(part)?.[1] ?? '') < Date.now())
    if (ended) this.#cookies.delete(name)
    else this.#cookies.set(name, pair.slice(name.length + 1))
  }
}
