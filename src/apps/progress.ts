import { Presets, SingleBar } from 'cli-progress'

/** A bar on stderr while long work runs; nothing at all where stderr is not a terminal, so that logs stay clean. */
export class Progress {
  private readonly bar: SingleBar | undefined
  private done = 0

  constructor(total: number) {
    if (!process.stderr.isTTY) return
    this.bar = new SingleBar(
      {
        format: '{bar} {percentage}%  {label}  {eta_formatted} left',
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
      },
      Presets.shades_classic,
    )
    this.bar.start(total, 0, { label: '' })
  }

  step(label: string): void {
    this.done++
    this.bar?.update(this.done, { label })
  }

  stop(): void {
    this.bar?.stop()
  }
}
