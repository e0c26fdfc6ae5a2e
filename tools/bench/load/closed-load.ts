import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Request } from '../data/work.ts'
import { median } from '../figures/ratio.ts'

/** Few enough that slow requests do not wait for each other until the server refuses them. */
const CONNECTIONS = 4

/** An endless sequence of requests. */
export interface Source {
  next(): Request
  /** Called with the headers of each response. */
  answered?(asked: Request, headers: IncomingHttpHeaders): void
}

/** The responses of a load. */
export interface Answered {
  readonly requests: number
  readonly p50Ms: number
}

/** A load in this process: keep-alive connections, each with one request in progress at a time. */
export class ClosedLoad {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

  constructor(url: string) {
    this.#url = url
  }

  /**
   * Sends requests for this long, and waits for all responses.
   *
   * @throws if a request fails, because the time of errors is meaningless.
   */
  async run(source: Source, forMs: number): Promise<Answered> {
    const untilMs = performance.now() + forMs
    const latenciesMs: number[] = []
    const repeat = async () => {
      do {
        const startedMs = performance.now()
        const asked = source.next()
        const headers = await this.#ask(asked)
        latenciesMs.push(performance.now() - startedMs)
        source.answered?.(asked, headers)
      } while (performance.now() < untilMs)
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, repeat))
    return { requests: latenciesMs.length, p50Ms: median(latenciesMs) }
  }

  async #ask({ method, path, token, body }: Request): Promise<IncomingHttpHeaders> {
    const sent = request(this.#url + path, {
      method,
      agent: this.#agent,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    })
    sent.end(body)
    const [response]: [IncomingMessage] = (await once(sent, 'response')) as [IncomingMessage] // of node:http
    const { statusCode = 0, headers } = response
    response.resume()
    await once(response, 'end')
    if (statusCode >= 300) throw new Error(`${method} ${path} returned ${statusCode}`)
    return headers
  }

  close(): void {
    this.#agent.destroy()
  }
}
