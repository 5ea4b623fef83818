/** How a phase model comes from the server to its agents. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { linesOf } from '../server/builders.ts'
import { aSite, type Guest, type Site } from '../../../tools/agent-site.ts'
import type { HttpAnswer, Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { encodePhaseModel, type PhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { forServer } from '../server/certificates.ts'
import { installPhases, usePhases } from '../server/phase-models.ts'

let site: Site
const modelOf = (version: number): PhaseModel => ({ ...PHASES_1, version })

before(async () => {
  site = await aSite()
})

after(() => site.close())

/** An operator installs a model, and the server looks. */
async function install(version: number): Promise<void> {
  const verdict = await installPhases(site.server.store, {
    text: encodePhaseModel(modelOf(version)),
    at: site.now(),
    place: 'file',
  })
  assert.equal(verdict.kind, 'done')
  await site.server.tend()
}

let runs = 0
/** A vector leaves, and an hour passes. */
async function report(guest: Guest): Promise<void> {
  guest.offer(`run-${runs++}`, 0, 1)
  await guest.drive(HOUR_MS)
  assert.equal(guest.courier.state.waiting, 0, guest.courier.state.held)
}

/** A guest whose server answers a question for its model as the test wants. */
function aGuestOfLiar(answer: (fetches: number) => HttpAnswer | Promise<HttpAnswer>) {
  const real = nodeMachine()
  const asked: number[] = []
  const request: Machine['network']['request'] = async (wanted) => {
    if (wanted.url.endsWith('/phases')) return answer(asked.push(site.now()))
    const said = await real.network.request(wanted)
    return wanted.url.endsWith('/vectors') ? { ...said, body: said.body.replace(/"phases":\d+/, '"phases":7') } : said
  }
  return { guest: site.aGuest({ machine: { network: { ...real.network, request } } }), asked }
}

test('an agent hears of a new model with the answer to its vectors, fetches it over its own identity, and has it after a restart', async () => {
  const guest = site.aGuest()
  await report(guest)
  assert.equal(guest.phases.model, PHASES_1)
  await install(2)
  await report(guest)
  assert.deepEqual(guest.phases.model, modelOf(2))
  guest.restart({ url: 'https://127.0.0.1:1' })
  assert.deepEqual(guest.phases.model, modelOf(2))
  assert.equal((await usePhases(site.server.store, 1)).kind, 'done')
  await site.server.tend()
  guest.restart()
  await report(guest)
  assert.equal(guest.phases.model, PHASES_1)
  guest.restart()
  assert.equal(guest.phases.model, PHASES_1)
})

test('a guest that was away joins in wherever the others are', async () => {
  await install(3)
  await install(4)
  const guest = site.aGuest()
  await report(guest)
  assert.equal(guest.phases.model.version, 4)
})

test('a model is fetched once, and only once all vectors are there', async () => {
  const { guest, asked } = aGuestOfLiar(() => ({ status: 200, headers: {}, body: encodePhaseModel(modelOf(7)) }))
  guest.offer('run-x', 0, 250)
  const from = site.now()
  await guest.drive(10 * MINUTE_MS)
  assert.equal(guest.phases.model.version, 7)
  assert.equal(asked.length, 1)
  assert.ok(asked[0] > from)
  await report(guest)
  assert.equal(asked.length, 1)
})

test('a server that lies about its model, or has none, gets its vectors all the same, and is asked once an hour in the end', async () => {
  const { guest, asked } = aGuestOfLiar((fetches) =>
    fetches % 2 === 0
      ? { status: 200, headers: {}, body: encodePhaseModel(modelOf(8)) }
      : { status: 404, headers: {}, body: '{"error":"not found"}' },
  )
  for (let i = 0; i < 200; i++) {
    guest.offer(`liar-${i}`, 0, 1)
    await guest.drive(5 * MINUTE_MS)
  }
  assert.equal((await linesOf(site.server.store, guest.vm)).length, 200)
  assert.equal(guest.phases.model, PHASES_1)
  // 200 reports in 1000 minutes: some for the first doublings, and one an hour.
  assert.ok(asked.length > 15 && asked.length < 25, `${asked.length}`)
})

/** A server on TLS of its own that the guest trusts, and that sends what the test wants instead of a model. */
async function withTls(send: (write: (text: string) => void, end: () => void) => void, length: number) {
  const { certificate, privateKey } = await forServer(site.server.authority.newest, ['127.0.0.1'], Date.now())
  const server = createServer({ key: privateKey, cert: certificate, minVersion: 'TLSv1.3' }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...(length > 0 ? { 'content-length': length } : {}) })
    send(
      (text) => void response.write(text),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

for (const [what, length, send] of [
  [
    'breaks off',
    5000,
    (write: (text: string) => void, end: () => void) => (write('{"version":7,'), setTimeout(end, 20)),
  ],
  ['is a megabyte', 0, (write: (text: string) => void) => write('x'.repeat(1_000_000))],
] as const) {
  test(`a download that ${what} leaves the agent with the model it had`, async () => {
    const { port, close } = await withTls(send, length)
    const real = nodeMachine()
    const request: Machine['network']['request'] = async (wanted) => {
      if (wanted.url.endsWith('/phases'))
        return real.network.request({ ...wanted, url: `https://127.0.0.1:${port}/v1/phases` })
      const said = await real.network.request(wanted)
      return { ...said, body: said.body.replace(/"phases":\d+/, '"phases":7') }
    }
    const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
    await report(guest)
    close()
    real.network.dropConnections()
    assert.equal(guest.phases.model, PHASES_1)
    assert.match(site.said.join(''), /the phase model of https:\/\/127\.0\.0\.1:\d+ did not come: /)
    site.said.length = 0
  })
}
