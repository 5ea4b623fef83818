import { Option } from 'commander'
import { parseVmId } from '../../terms/ids.ts'
import type { ChannelOptions, NamedChannel } from '../server/channels.ts'
import { UsageError } from '../usage-error.ts'

/** Channels of guests as the command line names them. */
export interface ChannelWords {
  readonly channels?: readonly string[]
  readonly channel?: readonly string[]
}

/** `--channels`, as commands take it. */
export function channelsOption(): Option {
  const what = 'virtio-serial channels of guests, as libvirt keeps them; may be given again'
  return new Option('--channels <folder>', what).argParser(collect)
}

/** `--channel`, as commands take it. */
export function channelOption(): Option {
  return new Option('--channel <vm=path>', 'one guest’s channel; may be given again').argParser(collect)
}

/** Reads `--channels` and `--channel`. Throws a `UsageError`. */
export function parseChannels({ channels = [], channel = [] }: ChannelWords): ChannelOptions {
  const named: NamedChannel[] = channel.map((text) => {
    const cut = text.indexOf('=')
    if (cut < 1 || cut === text.length - 1)
      throw new UsageError('--channel', text, 'Expected VM=PATH, such as web-1=/run/guests/web-1.sock.')
    return { vm: parseVmId(text.slice(0, cut), '--channel'), path: text.slice(cut + 1) }
  })
  return { folders: channels, named }
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
