/** The API on a judgement at work: what comes out is what the description says. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { LiveSite, until } from '../../../../tools/server/live-site.ts'
import { type Answered, ApiBench } from './builders.ts'

const live = new LiveSite({ hosts: 4, vms: 12 })
let bench: ApiBench
let token = ''

before(async () => {
  await live.open()
  const judgement = await live.start()
  bench = new ApiBench({ store: live.store, answers: judgement })
  bench.now = Date.now()
  await bench.start()
  token = await bench.token('viewer')
  await until(
    'a turn is taken and told',
    () => judgement.status().turns > 0 && judgement.status().degraded.length === 0,
  )
})
after(async () => {
  await live.close()
  await bench.stop()
})

test('each answer that rests on judgement is as /openapi.json describes it', async () => {
  const vm = live.site.vms[0].id
  const host = live.site.hosts[0].id
  const { json } = await bench.ask({ path: '/openapi.json' })
  const paths = [
    '/v1/vms/{vm}/hosts',
    '/v1/vms/{vm}/hosts/{host}',
    '/v1/vms/{vm}/why',
    '/v1/vms/{vm}/forecast',
    '/v1/loads',
    '/v1/forecasts',
    '/v1/contention',
    '/v1/plans/latest',
    '/v1/alerts',
    '/v1/status',
    '/v1/vms',
    '/v1/hosts',
    '/v1/hosts/{host}',
    '/v1/plans',
  ]
  for (const path of paths) {
    const described = json['paths'][path]['get']['responses']['200']['content']['application/json']['schema']
    const asked = path.replace('{vm}', vm).replace('{host}', host)
    const { status, json: answer, text } = await bench.ask({ path: asked, token })
    assert.equal(status, 200, `${asked}: ${text}`)
    const validator = Compile(described)
    assert.deepEqual(validator.Errors(answer).slice(0, 3), [], `${asked}: ${text.slice(0, 500)}`)
  }
  assert.equal((await bench.ask({ path: '/v1/vms/none/hosts', token })).status, 404)
})

/** A number of the turns' histogram. */
async function counted(what: string): Promise<number> {
  const { text } = await bench.ask({ path: '/metrics', token })
  return Number(new RegExp(`^ethos_turn_duration_seconds_${what} (\\S+)$`, 'm').exec(text)?.[1])
}

test('how long turns took is told with each, and counted for Prometheus', async () => {
  await until('three turns are counted', async () => (await counted('count')) >= 3)
  const told = live.events.flatMap(({ name, text }) =>
    name === 'turn' ? [JSON.parse(text).durationMs as unknown] : [],
  )
  // A turn of twelve VMs reads the store a few times and writes a line: more than nothing, and less than the patience of a test.
  for (const durationMs of told) assert.ok(typeof durationMs === 'number' && durationMs > 0.5 && durationMs < 90_000)
  const meanSec = (await counted('sum')) / (await counted('count'))
  assert.ok(meanSec > 0.0005 && meanSec < 90, `${meanSec} s`)
})

function place(body: object): Promise<Answered> {
  return bench.ask({ method: 'POST', path: '/v1/placements', token, body })
}

test('a place for VMs to come is found, and what can not be meant is refused in words', async () => {
  const like = live.site.vms[0].id
  const { status, json, text } = await place({ vms: [{ id: 'new', like, count: 2 }] })
  assert.equal(status, 200, text)
  assert.deepEqual(
    json['placements'].map((one: { vm: { id: string } }) => one.vm.id),
    ['new-1', 'new-2'],
  )
  const none = await place({ vms: [{ like: 'none' }] })
  assert.ok([400, 404].includes(none.status), none.text)
  const sizeless = await place({ vms: [{ vcpus: 2 }] })
  assert.equal(sizeless.status, 400)
  assert.match(sizeless.json['error']['message'], /memoryBytes/)
})
