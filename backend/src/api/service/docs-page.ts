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
const PNG = 'image/png'

const STYLES = ['swagger-ui.css', 'index.css']
const ICONS = ['favicon-32x32.png', 'favicon-16x16.png']
const SCRIPTS = ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js']

/** Relative, so that the page works under any prefix that a proxy gives it. */
const place = (name: string) => `docs/static/${name}`

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<title>Swagger UI</title>
${STYLES.map((name) => `<link rel="stylesheet" href="${place(name)}">`).join('\n')}
${ICONS.map((name) => `<link rel="icon" type="${PNG}" href="${place(name)}">`).join('\n')}
</head>
<body>
<div id="swagger-ui"></div>
${[...SCRIPTS, 'swagger-initializer.js'].map((name) => `<script src="${place(name)}"></script>`).join('\n')}
</body>
</html>
`

const INITIALIZER = `window.onload = () => {
  window.ui = SwaggerUIBundle({
    dom_id: '#swagger-ui',
    url: new URL('openapi.json', window.location.href).href,
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: 'StandaloneLayout',
    validatorUrl: null,
    persistAuthorization: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
  })
}
`

/** The page and each resource that it loads. There are no other routes below it. */
export const PARTS: readonly Part[] = [
  { path: '/docs', type: 'text/html; charset=utf-8', bytes: once(async () => Buffer.from(PAGE)) },
  ...STYLES.map((name) => file(name, CSS)),
  ...ICONS.map((name) => file(name, PNG)),
  ...SCRIPTS.map((name) => file(name, JAVASCRIPT)),
  {
    path: `/${place('swagger-initializer.js')}`,
    type: JAVASCRIPT,
    bytes: once(async () => Buffer.from(INITIALIZER)),
  },
]

/** A file of @fastify/swagger-ui, read once. The plugin itself would open it again for each request. */
function file(name: string, type: string): Part {
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
