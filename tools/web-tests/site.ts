import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createServer as createVite, type ServerOptions } from 'vite'
import { testFolder } from '../../backend/tests/support/databases.ts'
import { runProgram } from '../../backend/tests/support/process.ts'
import { endWithTest } from '../../backend/tests/support/started.ts'

/** Files by their paths, as JavaScript. */
export type Files = Readonly<Record<string, string>>
/** The address to which a request is forwarded; undefined for a request that is not. */
export type Forward = (path: string) => URL | undefined

export interface Certificate {
  readonly key: Buffer
  readonly cert: Buffer
}

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>A front end</title><link rel="icon" href="data:,">'

/**
 * Serves files, and an empty page at `/`, on a port of its own.
 *
 * @param forward as the proxies of Vite and Next.js do: `Host` becomes the target's, and all other headers stay.
 * @returns the port.
 */
export async function serveSite(
  files: Files,
  forward: Forward = () => undefined,
  certificate?: Certificate,
): Promise<number> {
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const path = incoming.url ?? '/'
    const target = forward(path)
    if (target !== undefined) return pass(incoming, outgoing, target)
    const file = files[path]
    if (path !== '/' && file === undefined) return outgoing.writeHead(404).end()
    const type = path === '/' ? 'text/html' : 'text/javascript'
    outgoing.writeHead(200, { 'content-type': type }).end(file ?? PAGE)
  }
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of a TCP server
  endWithTest(`site on port ${port}`, async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return port
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, target: URL): void {
  const { method, headers } = incoming
  // Next.js adds the two; Vite does not.
  const added = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': headers.host }
  const options = { method, headers: { ...headers, ...added, host: target.host } }
  const forwarded = request(target, options, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(outgoing)
  })
  forwarded.on('error', () => outgoing.destroy())
  incoming.pipe(forwarded)
}

/**
 * Serves files, and an empty page at `/`, by the development server of Vite.
 *
 * @param options of that server, such as its proxy.
 * @returns the origin of the page.
 */
export async function serveByVite(files: Files, options: ServerOptions): Promise<string> {
  const root = await testFolder()
  writeFileSync(join(root, 'index.html'), PAGE)
  // Vite serves the files of this folder as they are.
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, 'public', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const server = { ...options, port: 0 }
  const vite = await createVite({ configFile: false, logLevel: 'silent', root, server })
  endWithTest('Vite', () => vite.close())
  await vite.listen()
  const [url = ''] = vite.resolvedUrls?.local ?? []
  return new URL(url).origin
}

export async function selfSigned(): Promise<Certificate> {
  const folder = await testFolder()
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const files = ['-keyout', 'key.pem', '-out', 'cert.pem', '-subj', '/CN=localhost']
  await runProgram('openssl', ['req', '-x509', ...key, ...files], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const read = (name: string) => readFileSync(join(folder, name))
  return { key: read('key.pem'), cert: read('cert.pem') }
}
