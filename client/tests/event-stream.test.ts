import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readEvents, type StreamEvent } from '../src/transport/event-stream.ts'

/** By the rules of the HTML standard §9.2.6. */
const CASES: readonly (readonly [text: string, events: StreamEvent[], retries?: number[]])[] = [
  ['', []],
  ['data: a\n', []],
  ['data: a\n\n', [{ event: '', id: undefined, data: 'a' }]],
  ['data:a\ndata\ndata:  b\n\n', [{ event: '', id: undefined, data: 'a\n\n b' }]],
  ['id: 1\nevent: change\ndata: {}\n\n', [{ event: 'change', id: '1', data: '{}' }]],
  [
    'id: 1\nevent: x\ndata: a\n\ndata: b\n\n',
    [
      { event: 'x', id: '1', data: 'a' },
      { event: '', id: '1', data: 'b' },
    ],
  ],
  ['event: x\n\ndata: b\n\n', [{ event: '', id: undefined, data: 'b' }]],
  [': a comment\n\n:\n\ndata: a: b\n\n', [{ event: '', id: undefined, data: 'a: b' }]],
  ['retry: 4210\nretry: soon\nretry\n\n', [], [4210]],
  ['id: a\0b\nunknown: x\ndata: a\n\n', [{ event: '', id: undefined, data: 'a' }]],
  ['id: 1\r\ndata: a\r\n\r\n', [{ event: '', id: '1', data: 'a' }]],
  [
    'id: 1\rdata: a\r\rdata: b\r\r\n',
    [
      { event: '', id: '1', data: 'a' },
      { event: '', id: '1', data: 'b' },
    ],
  ],
]

for (const [text, expected, expectedRetries = []] of CASES) {
  it(`the stream ${JSON.stringify(text)}, whole and in every two parts`, () => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      const events: StreamEvent[] = []
      const retries: number[] = []
      const read = readEvents({
        onEvent: (event) => events.push(event),
        onRetry: (ms) => retries.push(ms),
      })
      read(text.slice(0, cut))
      read(text.slice(cut))
      assert.deepEqual([events, retries], [expected, expectedRetries], `cut at ${cut}`)
    }
  })
}
