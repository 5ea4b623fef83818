/** A fake daemon on a socket of its own, and clients of it, put away at the end of each test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type FakeHost, serveHost } from './fake-host.ts'
import { FakeServer } from './fake-server.ts'
import { type Libvirt, type LibvirtOptions, openLibvirt } from './libvirt.ts'

export interface Fake {
  readonly server: FakeServer
  readonly host: FakeHost
  readonly uri: string
  /** Opens a connection, which is closed after the test. */
  readonly open: (options?: LibvirtOptions) => Promise<Libvirt>
}

/** A folder that is gone after the test. */
export function aFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-rpc-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function aFake(context: TestContext): Promise<Fake> {
  const path = join(aFolder(context), 'sock')
  const server = await FakeServer.listen({ path })
  context.after(() => server.close())
  const uri = `test+unix:///default?socket=${path}`
  const open = async (options?: LibvirtOptions): Promise<Libvirt> => {
    const libvirt = await openLibvirt(uri, options)
    context.after(() => libvirt.close())
    return libvirt
  }
  return { server, host: serveHost(server), uri, open }
}

/** A server that does with a connection what the test says, and a URI that leads there. */
export async function aRawServer(context: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const path = join(aFolder(context), 'sock')
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(path, resolve)
  })
  context.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `test+unix:///default?socket=${path}`
}
