import { hostName, type HostRule } from './rule.ts'

/** A VM does not migrate to where it is. */
export const SAME_HOST: HostRule = {
  name: 'same-host',
  lacking: 'same-host',
  shortBy: (context, vm, host) => (context.hostOf[vm] === host ? 1 : 0),
  reason: (context, _vm, host) => `The VM runs on ${hostName(context, host)} already.`,
}
