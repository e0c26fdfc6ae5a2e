import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { shareBytes } from '../../http/protocol/queued-bytes.ts'

/** A resource of the docs page: its path, its media type and its bytes. */
export interface Part {
  readonly path: string
  readonly type: string
  /** Made for the first request, and shared by all further ones. */
  readonly bytes: () => Promise<Buffer>
}

const JAVASCRIPT = 'application/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SVG = 'image/svg+xml'

/** Relative, so that the page works under any prefix that a proxy gives it. */
const place = (name: string) => `docs/static/${name}`

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width">
<title>Todo Backend</title>
<link rel="stylesheet" href="${place('swagger-ui.css')}">
<link rel="stylesheet" href="${place('page.css')}">
<link rel="icon" href="favicon.ico" sizes="32x32">
<link rel="icon" type="${SVG}" href="${place('icon.svg')}">
</head>
<body>
<header class="bar">
<span class="name"><img src="${place('icon.svg')}" alt="" width="28" height="28">Todo Backend</span>
<form id="sign-in" hidden>
<input name="email" type="email" placeholder="E-mail address" aria-label="E-mail address" autocomplete="username" required>
<input name="password" type="password" placeholder="Password" aria-label="Password" autocomplete="current-password" required>
<button class="first">Sign in</button>
<button value="sign-up">Create account</button>
<button type="button" class="plain" id="have-token">Use a token</button>
</form>
<form id="enter-token" hidden>
<input name="token" placeholder="Token for tasks (JWT)" aria-label="Token for tasks" autocomplete="off" required>
<button class="first">Use token</button>
<button type="button" class="plain" id="have-account">Use an account</button>
</form>
<p id="signed-in" hidden><span>Signed in as <strong id="who"></strong></span><button id="sign-out">Sign out</button></p>
<output id="message" role="status"></output>
</header>
<div id="swagger-ui"></div>
<script src="${place('swagger-ui-bundle.js')}"></script>
<script src="${place('page.js')}"></script>
</body>
</html>
`

/** The page and each resource that it loads. There are no other routes below it. */
export const PARTS: readonly Part[] = [
  { path: '/docs', type: 'text/html; charset=utf-8', bytes: once(async () => Buffer.from(PAGE)) },
  { path: '/favicon.ico', type: 'image/x-icon', bytes: own('favicon.ico') },
  { path: `/${place('icon.svg')}`, type: SVG, bytes: own('icon.svg') },
  { path: `/${place('page.css')}`, type: CSS, bytes: own('page.css') },
  { path: `/${place('page.js')}`, type: JAVASCRIPT, bytes: own('page.js') },
  swagger('swagger-ui.css', CSS),
  swagger('swagger-ui-bundle.js', JAVASCRIPT),
]

/** A file of the folder `page`, read once. */
function own(name: string): Part['bytes'] {
  return once(() => readFile(new URL(`page/${name}`, import.meta.url)))
}

/** A file of @fastify/swagger-ui, read once. The plugin itself would open it again for each request. */
function swagger(name: string, type: string): Part {
  const read = () =>
    readFile(fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${name}`)))
  return { path: `/${place(name)}`, type, bytes: once(read) }
}

/**
 * Caches bytes from the first call on. A failed attempt is not cached.
 *
 * @returns a function that makes or returns them, and rejects as `make` does.
 */
export function once(make: () => Promise<Buffer>): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined
  return () => {
    made ??= make().then(shareBytes, (error) => {
      made = undefined
      throw error
    })
    return made
  }
}
