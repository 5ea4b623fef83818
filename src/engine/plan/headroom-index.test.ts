import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { ASKED_MAX, FITTING_MAX, HeadroomIndex } from './headroom-index.ts'

const HOSTS = 20

test('with fewer fitting hosts than are compared, the best of all is found, as by looking at each', () => {
  const rooms = fc.array(finiteNumber({ min: 0, max: 16 }), { minLength: 1, maxLength: HOSTS })
  const scores = fc.array(fc.option(fc.integer({ min: -5, max: 5 })), { minLength: HOSTS, maxLength: HOSTS })
  checkProperty(
    fc.property(rooms, scores, finiteNumber({ min: 0, max: 16 }), (room, score, need) => {
      const index = new HeadroomIndex(HOSTS, 16)
      room.forEach((cores, host) => index.place(host, cores))
      const fits = (host: number): boolean => score[host] !== null && room[host] >= need
      const judge = (host: number): number | undefined => (fits(host) ? (score[host] ?? undefined) : undefined)
      const fitting = room.map((_, host) => host).filter(fits)
      const found = index.best(need, judge)
      if (fitting.length >= FITTING_MAX) assert.ok(fits(found))
      else assert.equal(found, bestOf(fitting, score))
    }),
  )
})

function bestOf(hosts: readonly number[], score: readonly (number | null)[]): number {
  return hosts.toSorted((a, b) => (score[b] ?? 0) - (score[a] ?? 0) || a - b)[0] ?? -1
}

test('placing, moving and removing hosts leaves the index as if built anew', () => {
  const changes = fc.array(fc.tuple(fc.nat(HOSTS - 1), fc.option(finiteNumber({ min: 0, max: 16 }))), { maxLength: 60 })
  checkProperty(
    fc.property(changes, (list) => {
      const index = new HeadroomIndex(HOSTS, 16)
      const room = new Map<number, number>()
      for (const [host, cores] of list) {
        if (cores === null) {
          index.remove(host)
          room.delete(host)
        } else {
          index.place(host, cores)
          room.set(host, cores)
        }
      }
      const asked: number[] = []
      index.best(0, (host) => {
        asked.push(host)
        return undefined
      })
      assert.deepEqual(
        asked.toSorted((a, b) => a - b),
        [...room.keys()].toSorted((a, b) => a - b),
      )
    }),
  )
})

test('tighter hosts are asked first', () => {
  const index = new HeadroomIndex(3, 16)
  index.place(0, 12)
  index.place(1, 4)
  index.place(2, 8)
  const asked: number[] = []
  index.best(0, (host) => {
    asked.push(host)
    return undefined
  })
  assert.deepEqual(asked, [1, 2, 0])
})

test('only so many hosts are asked, however many there are', () => {
  const index = new HeadroomIndex(1000, 16)
  for (let host = 0; host < 1000; host++) index.place(host, host / 100)
  let asked = 0
  const found = index.best(0, () => {
    asked++
    return undefined
  })
  assert.deepEqual([found, asked], [-1, ASKED_MAX])
  asked = 0
  index.best(0, () => asked++)
  assert.equal(asked, FITTING_MAX)
})

test('a host that is overfull or emptier than the largest still has its place', () => {
  const index = new HeadroomIndex(2, 16)
  index.place(0, -3)
  index.place(1, 99)
  assert.equal(
    index.best(0, (host) => host),
    1,
  )
})
