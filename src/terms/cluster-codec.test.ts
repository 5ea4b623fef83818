import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aHost } from '../../tools/builders.ts'
import { encodeCluster, parseCluster } from './cluster-codec.ts'
import { parseClusterId, parseHostId } from './ids.ts'
import { ParseError } from './parse.ts'

const cluster = {
  id: parseClusterId('rack-7'),
  hosts: [
    aHost({
      benchmarks: { crypto: { score: 812.5, unit: 'MiB/s', spread: 0.02 }, integer: { score: 95, unit: 'events/s' } },
    }),
    aHost({ id: parseHostId('host-2'), pricePerHour: 0.42 }),
  ],
}

test('a cluster reads back as it was written', () => {
  assert.deepEqual(parseCluster(JSON.parse(encodeCluster(cluster))), cluster)
  assert.deepEqual(parseCluster({ id: 'empty', hosts: [] }), { id: 'empty', hosts: [] })
})

test('a host that is wrong is named by its place in the list', () => {
  const wrong = { id: 'rack-7', hosts: [aHost(), { ...aHost(), id: 'host-2', cores: 0 }] }
  assert.throws(() => parseCluster(wrong), /^ParseError: cluster\.hosts\[1\]\.cores: 0 is not usable/)
})

test('two hosts of one id are refused: a VM would run on both', () => {
  const twice = { id: 'rack-7', hosts: [aHost(), aHost()] }
  assert.throws(() => parseCluster(twice), /cluster\.hosts\[1\]\.id: "host-1" .*It names hosts\[0\] already/)
})

test('what is no cluster is refused', () => {
  for (const bad of [null, [], {}, { id: 'a' }, { hosts: [] }, { id: 'a', hosts: {} }]) {
    assert.throws(() => parseCluster(bad), ParseError)
  }
})
