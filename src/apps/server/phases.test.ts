import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodePhaseModel, type PhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { ParseError } from '../../terms/parse.ts'
import { parseVmId } from '../../terms/ids.ts'
import { aLine, Bench } from './builders.ts'
import { installPhases, usePhases, viewPhases } from './phase-models.ts'

after(() => Bench.removeAll())

const modelOf = (version: number, rest: Partial<PhaseModel> = {}): PhaseModel => ({ ...PHASES_1, version, ...rest })
const install = (bench: Bench, model: PhaseModel) =>
  installPhases(bench.server.store, { text: JSON.stringify(model, undefined, 9), at: bench.now, place: 'file' })

test('who reports hears which phase model is in use, and is sent it in its one form, over its identity only', async () => {
  const bench = new Bench()
  await bench.start()
  const member = await bench.member()
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).json['phases'], 1)
  assert.deepEqual(await install(bench, modelOf(2)), { kind: 'done', version: 2, isNew: true })
  assert.equal((await bench.send(member, [aLine(member.vm, 1)])).json['phases'], 1)
  await bench.server.tend()
  assert.equal((await bench.send(member, [aLine(member.vm, 2)])).json['phases'], 2)
  const { status, text, headers } = await bench.ask({ method: 'GET', path: '/v1/phases', tls: member })
  assert.deepEqual([status, text], [200, encodePhaseModel(modelOf(2))])
  assert.match(String(headers['content-type']), /^application\/json/)
  assert.equal((await bench.ask({ method: 'GET', path: '/v1/phases', tls: { ca: member.ca } })).status, 401)
  await bench.server.store.identities.ban(parseVmId(member.vm), bench.now)
  bench.now += 60_000
  assert.equal((await bench.ask({ method: 'GET', path: '/v1/phases', tls: member })).status, 403)
  await bench.remove()
})

test('the model in use outlives a restart of the server, and going back is one word', async () => {
  const bench = new Bench()
  await bench.start()
  const member = await bench.member()
  await install(bench, modelOf(2))
  await bench.stop()
  await bench.start()
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).json['phases'], 2)
  assert.deepEqual(await usePhases(bench.server.store, 1), { kind: 'done', version: 1, isNew: false })
  await bench.server.tend()
  assert.equal((await bench.send(member, [aLine(member.vm, 1)])).json['phases'], 1)
  assert.deepEqual(
    (await viewPhases(bench.server.store)).map(({ version, state }) => `${version} ${state}`),
    ['1 in use', '2 kept'],
  )
  assert.equal((await usePhases(bench.server.store, 2)).kind, 'done')
  for (const version of [3, 0, 1.5, Number.NaN])
    assert.equal((await usePhases(bench.server.store, version)).kind, 'refused')
  await bench.remove()
})

test('a version names one model for ever, and each new one is newer than all before', async () => {
  const bench = new Bench()
  await bench.start()
  assert.equal((await install(bench, modelOf(1))).kind, 'done')
  assert.deepEqual(await install(bench, modelOf(1, { names: PHASES_1.names.toReversed() })), {
    kind: 'refused',
    reason: 'Version 1 is another model already, and vectors name it. Give this one version 2.',
  })
  assert.equal((await install(bench, modelOf(5))).kind, 'done')
  assert.deepEqual(await install(bench, modelOf(5)), { kind: 'done', version: 5, isNew: false })
  assert.match(
    JSON.stringify(await install(bench, modelOf(5, { names: PHASES_1.names.toReversed() }))),
    /another model/,
  )
  assert.match(JSON.stringify(await install(bench, modelOf(3))), /Version 5 is there already. Give this one version 6/)
  await assert.rejects(install(bench, modelOf(6, { centroids: [] })), ParseError)
  await assert.rejects(install(bench, modelOf(1000)), ParseError)
  assert.deepEqual(
    (await viewPhases(bench.server.store)).map(({ version, state }) => `${version} ${state}`),
    ['1 kept', '5 in use'],
  )
  await bench.remove()
})

test('a model that lies damaged in the store is not sent: the server tells on what it told before, and says so', async () => {
  const bench = new Bench()
  await bench.start()
  const member = await bench.member()
  await install(bench, modelOf(2))
  await bench.server.tend()
  const { store } = bench.server
  await store.phases.add({
    version: 3,
    model: encodePhaseModel(modelOf(3)).replace('idle', 'evil'),
    digest: '0',
    installedAt: 0,
  })
  await store.phases.use(3)
  await bench.server.tend()
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).json['phases'], 2)
  assert.match(bench.said.join(''), /the phase model stays as it was \(reason Phase model 3 is damaged/)
  assert.equal((await viewPhases(store)).at(-1)?.state, 'damaged')
  assert.equal((await usePhases(store, 3)).kind, 'refused')
  await bench.stop()
  await bench.start()
  assert.equal((await bench.send(member, [aLine(member.vm, 1)])).json['phases'], 1)
  await bench.remove()
})
