/** In the controller's place: says what no controller says, and goes on living. */
const NONSENSE: readonly unknown[] = [
  'turn',
  7,
  null,
  [],
  { kind: 'turn' },
  { kind: 'write', id: -1 },
  { kind: 'write', id: 1, request: { what: 'delete' } },
  { kind: 'turn', at: Date.now(), number: 1.5, tookMs: 1, packet: new Uint8Array(4) },
]

process.once('message', () => {
  for (const message of NONSENSE) process.send?.(message)
  process.send?.({ kind: 'turn', at: Date.now(), number: 3, tookMs: 1, packet: Uint8Array.of(1, 2, 3) })
  setInterval(() => process.send?.({ kind: 'alive', at: Date.now() }), 100)
})
process.once('disconnect', () => process.exit(0))
