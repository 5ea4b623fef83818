/** Of what kind the storage under a folder is: /proc/self/mountinfo leads to the device, /sys/dev/block to its kind. */
import type { StorageType } from '../../terms/host.ts'
import type { HostFact } from '../../terms/host-measurement.ts'
import { fact } from './cpu-facts.ts'
import type { FactFiles } from './fact-files.ts'

export interface StorageFacts {
  readonly facts: readonly HostFact[]
  readonly storageType?: StorageType
  /** Why it is not known, or why to doubt it. */
  readonly doubt?: string
}

const NETWORK_FILESYSTEMS: ReadonlySet<string> = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'ceph',
  'glusterfs',
  'fuse.glusterfs',
  '9p',
  'virtiofs',
  'lustre',
  'ocfs2',
  'gfs2',
])
const MEMORY_FILESYSTEMS: ReadonlySet<string> = new Set(['tmpfs', 'ramfs'])
/** A mapped device rests on others, which may rest on others; the kernel allows no more than a few. */
const DEPTH_MAX = 8

interface Mount {
  readonly device: string
  readonly point: string
  readonly filesystem: string
  readonly source: string
}

/** @param folder absolute, links resolved */
export function readStorageFacts(files: FactFiles, folder: string): StorageFacts {
  const mount = findMount(files.read('/proc/self/mountinfo') ?? '', folder)
  if (mount === undefined)
    return {
      facts: [],
      doubt: `/proc/self/mountinfo does not say what ${folder} lies on; name it by --set storageType=`,
    }
  const facts = fact('filesystem', mount.filesystem, '/proc/self/mountinfo', mount.point)
  if (NETWORK_FILESYSTEMS.has(mount.filesystem))
    return { facts: [...facts, ...fact('storageType', 'network', '/proc/self/mountinfo')], storageType: 'network' }
  if (MEMORY_FILESYSTEMS.has(mount.filesystem))
    return { facts, doubt: `${folder} lies in memory (${mount.filesystem}); name a folder on a disk by --disk` }
  const block = blockFolderOf(files, mount)
  if (block === undefined) return { facts, doubt: `which device ${mount.source} is could not be read` }
  return { ...kindOf(files, block, facts) }
}

/** Whether a filesystem of this name keeps its files in memory. */
export function isMemoryFilesystem(name: unknown): boolean {
  return typeof name === 'string' && MEMORY_FILESYSTEMS.has(name)
}

function kindOf(files: FactFiles, block: string, before: readonly HostFact[]): StorageFacts {
  const device = block.slice(block.lastIndexOf('/') + 1)
  const facts = [...before, ...fact('storageDevice', device, block)]
  // A virtual disk says what its maker typed in (rotational, mostly), not what lies beneath.
  if (/^(?:vd|xvd)/.test(device))
    return { facts, doubt: `${device} is a virtual disk: what lies beneath is not seen from here` }
  const storageType = storageTypeOf(files, block, DEPTH_MAX)
  if (storageType === undefined) return { facts, doubt: `${block}/queue/rotational could not be read` }
  return { facts: [...facts, ...fact('storageType', storageType, block)], storageType }
}

/** The longest mount point that the folder lies under; of several on one point the last hides the others. */
function findMount(text: string, folder: string): Mount | undefined {
  let best: Mount | undefined
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ')
    const [, , device, , point] = before.split(' ')
    if (after === undefined || point === undefined) continue
    const path = point.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const isUnder = path === '/' || folder === path || folder.startsWith(`${path}/`)
    if (!isUnder || (best !== undefined && path.length < best.point.length)) continue
    const [filesystem, source = ''] = after.split(' ')
    best = { device, point: path, filesystem, source }
  }
  return best
}

/** Folder of the whole device in /sys; a partition's lies within it. Btrfs and overlays tell no device: their source's name may. */
function blockFolderOf(files: FactFiles, mount: Mount): string | undefined {
  const name = /^\/dev\/(?<name>[\w!-]+)$/.exec(mount.source)?.groups?.['name']
  const candidates = [`/sys/dev/block/${mount.device}`, ...(name === undefined ? [] : [`/sys/class/block/${name}`])]
  for (const candidate of candidates) {
    const real = files.resolve(candidate)
    if (real === undefined) continue
    return files.read(`${real}/partition`) === undefined ? real : real.slice(0, real.lastIndexOf('/'))
  }
  return undefined
}

/** Devices beneath a mapped one decide, the slowest of them; iSCSI, RBD and NBD are network. */
function storageTypeOf(files: FactFiles, block: string, depthLeft: number): StorageType | undefined {
  const device = block.slice(block.lastIndexOf('/') + 1)
  if (/^(?:rbd|nbd|drbd)\d/.test(device) || /\/session\d+\//.test(block)) return 'network'
  const beneath = depthLeft === 0 ? [] : files.list(`${block}/slaves`)
  if (beneath.length > 0) {
    const kinds = new Set(
      beneath.map((name) => {
        const real = files.resolve(`/sys/class/block/${name}`)
        if (real === undefined) return undefined
        const whole = files.read(`${real}/partition`) === undefined ? real : real.slice(0, real.lastIndexOf('/'))
        return storageTypeOf(files, whole, depthLeft - 1)
      }),
    )
    return (['network', 'hdd', 'ssd', 'nvme'] as const).find((kind) => kinds.has(kind))
  }
  if (device.startsWith('nvme')) return 'nvme'
  const rotational = files.read(`${block}/queue/rotational`)
  return rotational === '1' ? 'hdd' : rotational === '0' ? 'ssd' : undefined
}
