/** `ethos libvirt check` over fake daemons, as a user meets it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { aDrivenSite, type DrivenSite } from '../../drivers/libvirt/driver/builders.ts'
import { arrangeHardware } from '../../drivers/libvirt/driver/fake-inventory.ts'
import { type Ended, MAIN, UserFolder } from './builders.ts'

interface Setting extends DrivenSite {
  readonly check: (...words: readonly string[]) => Promise<Ended>
}

const OTHER_UUID = '00000000-0000-4000-8000-00000000000b'

/** Two hosts, of which a file tells. */
async function aSetting(context: TestContext): Promise<Setting> {
  const made = await aDrivenSite()
  const user = new UserFolder()
  context.after(async () => {
    user.remove()
    await made.dispose()
  })
  user.write('libvirt.json', JSON.stringify({ version: 3, site: made.site.configuration }))
  const check = async (...words: readonly string[]): Promise<Ended> => {
    const child = spawn(process.execPath, [MAIN, 'libvirt', 'check', ...words], {
      cwd: user.path,
      env: user.environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: code as number | null, stdout, stderr }
  }
  arrangeHardware(made.site.host('host-1'))
  arrangeHardware(made.site.host('host-2'), { uuid: OTHER_UUID })
  return { ...made, check }
}

test('hosts that answer and take all of each other: a table, a matrix, 0', async (context) => {
  const { site, check } = await aSetting(context)
  site.addVm('web-1', 'host-1')
  const { code, stdout, stderr } = await check('libvirt.json')
  assert.deepEqual([code, stderr], [0, ''], stdout)
  assert.match(stdout, /^host-1 +answers +9\.0\.0 +0\.0\.2 +Skylake-Server +8 x2 +32 GiB +16 GiB +1 /m)
  assert.match(stdout, /^host-2 +yes +-$/m)
  assert.match(stdout, /^2 of 2 hosts answer; \d warnings?\.$/m)
})

test('an older CPU: no in the matrix, by which feature, what to set, and 1', async (context) => {
  const { site, check } = await aSetting(context)
  const older = { uuid: OTHER_UUID, model: 'Haswell', features: ['avx', 'avx2'], usableModels: ['qemu64'] }
  arrangeHardware(site.host('host-2'), older)
  const { code, stdout } = await check('libvirt.json')
  assert.equal(code, 1, stdout)
  assert.match(stdout, /^host-1 +- +no$/m)
  assert.match(stdout, /^host-2 +yes +-$/m)
  assert.match(stdout, /^host-1: It has avx512f beside\.$/m)
  assert.match(stdout, /^Set VMs' CPU to a model that all hosts can give: qemu64\./m)
})

test('an older QEMU takes VMs of the machine types that it knows: in part, which is no no', async (context) => {
  const { site, check } = await aSetting(context)
  arrangeHardware(site.host('host-2'), { uuid: OTHER_UUID, machines: ['q35', 'pc-q35-6.2'] })
  arrangeHardware(site.host('host-1'), { machines: ['q35', 'pc-q35-6.2', 'pc-q35-7.2'] })
  const { code, stdout } = await check('libvirt.json')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^host-1 +- +in part$/m)
  assert.match(stdout, /^host-2 +yes +-$/m)
})

test('a host that is dead is told with why, the other as ever, and 1; for programs too', async (context) => {
  const { site, check } = await aSetting(context)
  await site.kill('host-2')
  const { code, stdout } = await check('libvirt.json')
  assert.equal(code, 1)
  assert.match(stdout, /^host-2 +can not be asked$/m)
  assert.match(stdout, /^host-2: .* can not be reached/m)
  assert.match(stdout, /^1 of 2 hosts answer/m)
  const json = await check('libvirt.json', '--json')
  assert.equal(json.code, 1)
  const answer = JSON.parse(json.stdout) as { isGood: boolean; hosts: { hostId: string; kind: string }[] }
  assert.deepEqual(
    [answer.isGood, ...answer.hosts.map(({ hostId, kind }) => `${hostId} ${kind}`)],
    [false, 'host-1 told', 'host-2 unreachable'],
  )
})

test('a file that is none, or names no host, ends with 2 and says what is wrong', async (context) => {
  const { check } = await aSetting(context)
  const { code, stderr } = await check('nowhere.json')
  assert.equal(code, 2)
  assert.match(stderr, /nowhere\.json/)
})
