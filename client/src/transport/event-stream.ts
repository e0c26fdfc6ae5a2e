/** An event of a stream (HTML standard §9.2). */
export interface StreamEvent {
  readonly event: string
  /** The latest id that the stream has sent. */
  readonly id: string | undefined
  readonly data: string
}

interface Listener {
  onEvent(event: StreamEvent): void
  /** @param ms how long to wait before the stream is opened again. */
  onRetry(ms: number): void
}

/**
 * Reads server-sent events. It is ours because the packages for it are larger than all else that the stream needs,
 * and support no Node 20.
 *
 * @returns a function that takes the text of the stream in any parts.
 */
export function readEvents({ onEvent, onRetry }: Listener): (text: string) => void {
  let rest = ''
  let event = ''
  let id: string | undefined
  let data: string[] = []

  function dispatch(): void {
    if (data.length > 0) onEvent({ event, id, data: data.join('\n') })
    event = ''
    data = []
  }

  function read(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    else if (name === 'event') event = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry(Number(value))
  }

  return (text) => {
    // A carriage return at the end may be the first half of a line end.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) line === '' ? dispatch() : read(line)
  }
}
