/** Why a VM stayed at the last turn, in words; `none`: no turn said. */
export const STAY_SENTENCES: Readonly<Record<string, string>> = {
  none: 'No turn was taken on what is seen now.',
  'host-comfortable': 'Its host has room for what is forecast, and is not worth emptying.',
  'host-not-worth-emptying': 'Emptying its host would cost more than it saves.',
  'no-suitable-host': 'No host can take it.',
  'another-vm-relieves-host': 'Its host needs relief, and other VMs give it.',
  cooldown: 'It moved lately, or a move of it was proposed, and it rests.',
  'move-budget': 'It moved as often today as it may.',
  pinned: 'Its owner pinned it.',
  'in-flight': 'It is being migrated.',
  'location-unknown': 'Nobody knows for sure where it runs: what is unknown is left alone.',
  'no-sample': 'Nobody has measured it.',
  'benefit-below-cost': 'Moving it is not worth what it costs.',
  'hold-not-reached': 'Contention is likely on its host, but has not been for long enough to act.',
  objected: 'Somebody said no, or not yet, to a move of it.',
}
