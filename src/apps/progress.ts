import { Presets, SingleBar } from 'cli-progress'

/** A bar on stderr while long work runs; nothing at all where stderr is not a terminal, so that logs stay clean.
 *  The terminal's own settings stay as they are: whoever interrupts the work leaves nothing behind that must be put back. */
export class Progress {
  private readonly bar: SingleBar | undefined
  private done = 0

  constructor(total: number, stream: NodeJS.WriteStream = process.stderr) {
    if (!stream.isTTY) return
    this.bar = new SingleBar(
      {
        format: '{bar} {percentage}%  {label}  {eta_formatted} left',
        stream,
        fps: 5,
        clearOnComplete: true,
        // The library's handlers would swallow the interrupt without ending the process.
        gracefulExit: false,
        hideCursor: false,
        linewrap: true,
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
