/** For tests: a controller that says it lives and answers nothing, as one whose queue never ends. */
const tell = (): void => void process.send?.({ kind: 'alive', at: Date.now() })

process.once('message', () => {
  tell()
  setInterval(tell, 100)
})
process.once('disconnect', () => process.exit(0))
