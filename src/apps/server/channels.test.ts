import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseVmId } from '../../terms/ids.ts'
import { aLine, Bench, findVm, linesOf } from './builders.ts'
import { LineCutter } from './channel-lines.ts'

after(() => Bench.removeAll())

/** The host's end of a guest's port, as QEMU offers it: a local socket. What the server writes is what the guest reads. */
class Port {
  readonly heard: string[] = []
  private readonly server: Server
  private socket: Socket | undefined
  connections = 0

  constructor(path: string) {
    mkdirSync(join(path, '..'), { recursive: true })
    rmSync(path, { force: true })
    this.server = createServer((socket) => {
      this.socket = socket
      this.connections++
      let held = ''
      socket.on('error', () => undefined)
      socket.on('data', (part: Buffer) => {
        const lines = (held + part.toString()).split('\n')
        held = lines.pop() ?? ''
        this.heard.push(...lines)
      })
    }).listen(path)
  }

  async say(...lines: readonly string[]): Promise<void> {
    await until(() => this.socket !== undefined)
    this.socket?.write(lines.map((line) => `${line}\n`).join(''))
  }

  async hears(count: number): Promise<readonly unknown[]> {
    await until(() => this.heard.length >= count)
    return this.heard.splice(0).map((line) => JSON.parse(line) as unknown)
  }

  close(): void {
    this.socket?.destroy()
    this.server.close()
  }
}

function ackOf(sequence: number, sender = 'run-1') {
  return { ack: [sender, sequence], phases: 1 }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return
    await sleep(10)
  }
  assert.fail('it did not come to be')
}

async function aHost(): Promise<{
  readonly bench: Bench
  readonly folder: string
  readonly path: (vm: string) => string
}> {
  const bench = new Bench()
  const folder = join(bench.folder, 'target')
  mkdirSync(folder)
  await bench.start({ channels: { folders: [folder], scanMs: 20 } })
  return { bench, folder, path: (vm) => join(folder, `domain-3-${vm}`, 'org.ethos.agent.0') }
}

test('a guest that is heard over its channel needs no identity: its host knows it', async () => {
  const { bench, path } = await aHost()
  const port = new Port(path('web-1'))
  await port.say('{"hello":1}')
  assert.deepEqual(await port.hears(1), [{ welcome: { vm: 'web-1', phases: 1 } }])
  await port.say(aLine('web-1', 0), aLine('web-1', 1), aLine('web-1', 0))
  assert.deepEqual(await port.hears(3), [ackOf(0), ackOf(1), ackOf(0)])
  assert.deepEqual(await linesOf(bench.server.store, 'web-1'), [aLine('web-1', 0), aLine('web-1', 1)])
  assert.equal((await findVm(bench.server.store, 'web-1'))?.via, 'channel')
  port.close()
})

test('what is of another VM, or no vector, is refused by its number; what is broken is dropped', async () => {
  const { bench, path } = await aHost()
  const port = new Port(path('web-1'))
  await port.say('rubbish', '[]', 'x'.repeat(100_000), aLine('db-1', 4), '{"sender":"s","seq":3}', aLine('web-1', 0))
  const [other, unread, good] = await port.hears(3)
  assert.deepEqual(other, { refused: ['run-1', 4, 'the vector is of db-1, but was sent by web-1'] })
  assert.match(JSON.stringify(unread), /^\{"refused":\["s",3,"vector/)
  assert.deepEqual(good, ackOf(0))
  assert.equal(await findVm(bench.server.store, 'db-1'), undefined)
  port.close()
})

test('a channel that goes is taken up again, and a VM that moved goes on where it was', async () => {
  const { bench, folder, path } = await aHost()
  const here = new Port(path('web-1'))
  await here.say(aLine('web-1', 0))
  await here.hears(1)
  here.close()
  rmSync(join(folder, 'domain-3-web-1'), { recursive: true, force: true })
  // The number of a domain is another after each start and on each host; the VM is the same.
  const there = new Port(join(folder, 'domain-9-web-1', 'org.ethos.agent.0'))
  await there.say(aLine('web-1', 0), aLine('web-1', 1))
  assert.deepEqual(await there.hears(2), [ackOf(0), ackOf(1)])
  assert.equal((await findVm(bench.server.store, 'web-1'))?.quarantine, undefined)
  there.close()
})

test('two guests under one name are quarantined over channels too, and told to wait', async () => {
  const { bench, path } = await aHost()
  const port = new Port(path('web-1'))
  await port.say(
    aLine('web-1', 0, { sender: 'a' }),
    aLine('web-1', 0, { sender: 'b' }),
    aLine('web-1', 1, { sender: 'a' }),
  )
  assert.deepEqual(await port.hears(3), [ackOf(0, 'a'), ackOf(0, 'b'), { busy: 600 }])
  await port.say(aLine('web-1', 2, { sender: 'a' }))
  assert.deepEqual(await port.hears(1), [{ busy: 600 }])
  assert.match((await findVm(bench.server.store, 'web-1'))?.quarantine?.reason ?? '', /two machines/)
  port.close()
})

test('who says too much is told to wait, and no more is kept than its bucket holds', async () => {
  const { bench, path } = await aHost()
  const port = new Port(path('web-1'))
  await port.say(...Array.from({ length: 650 }, (_, i) => aLine('web-1', i)))
  await until(() => port.heard.some((line) => line.includes('busy')))
  assert.ok((await linesOf(bench.server.store, 'web-1')).length <= 600)
  port.close()
})

test('a name that libvirt may have cut off is not believed, and it is said what to do', async () => {
  const { bench, folder } = await aHost()
  const long = 'a'.repeat(20)
  const port = new Port(join(folder, `domain-1-${long}`, 'org.ethos.agent.0'))
  await until(() => bench.said.some((text) => text.includes('--channel VM=PATH')))
  assert.equal(port.connections, 0)
  port.close()
})

test('a channel may be named outright', async () => {
  const bench = new Bench()
  const path = join(bench.folder, 'guest.sock')
  await bench.start({ channels: { named: [{ vm: parseVmId('db-1'), path }], scanMs: 20 } })
  const port = new Port(path)
  await port.say('{"hello":1}', aLine('db-1', 0))
  assert.deepEqual(await port.hears(2), [{ welcome: { vm: 'db-1', phases: 1 } }, ackOf(0)])
  port.close()
})

test('lines are cut wherever the bytes are, and what is too long is dropped up to its end', () => {
  const text = `one\n\n${'x'.repeat(2000)}\ntwo\nthree\nfo`
  for (let size = 1; size < 40; size += 3) {
    const cutter = new LineCutter()
    const lines: string[] = []
    for (let i = 0; i < text.length; i += size) lines.push(...cutter.cut(Buffer.from(text.slice(i, i + size))))
    assert.deepEqual(lines, ['one', 'two', 'three'])
    assert.deepEqual(cutter.cut(Buffer.from('ur\n')), ['four'])
  }
})

test('a server that ends waits for no guest that has said too much', async () => {
  const { bench, path } = await aHost()
  const port = new Port(path('loud-1'))
  await port.say('{"hello":1}')
  await port.hears(1)
  await port.say(...Array.from({ length: 1500 }, () => '{"hello":1}'))
  // The bench's clock stands: what the guest may say does not come back.
  await sleep(100)
  const closed = await Promise.race([bench.stop().then(() => true), sleep(20_000, false, { ref: false })])
  assert.equal(closed, true)
  port.close()
  await bench.remove()
})
