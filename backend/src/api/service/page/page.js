/*
 * The page at /docs: Swagger UI, and above it one place to sign in. A session or a token that is entered there
 * goes with each request that the OpenAPI document says takes it.
 */

const RENEW_BEFORE_MS = 60_000
const STORED = 'todo-sign-in'
const here = (path) => new URL(path, window.location.href).href
const part = (id) => document.getElementById(id)

/** `session` and `expiresMs` are absent with a token that a person has entered: nothing renews it. */
let signedIn = JSON.parse(sessionStorage.getItem(STORED) ?? 'null')
let ui
let entersToken = false

/** Calls an operation on accounts. @returns its response. @throws {Error} with the server's reason. */
async function sendAccount(path, { session, body } = {}) {
  const response = await fetch(here(`api/auth/${path}`), {
    method: body === undefined ? 'GET' : 'POST',
    credentials: 'omit',
    headers: {
      ...(session && { authorization: `Bearer ${session}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const content = await response.json()
  if (response.ok) return content
  const { status } = response
  throw Object.assign(new Error(content.errors?.[0]?.message ?? content.detail), { status })
}

async function openSession(session, email) {
  const { token, expires_in, user_id } = await sendAccount('token', { session })
  keep({ session, email, token, user: user_id, expiresMs: Date.now() + expires_in * 1_000 })
}

function keep(value) {
  signedIn = value
  if (value === null) sessionStorage.removeItem(STORED)
  else sessionStorage.setItem(STORED, JSON.stringify(value))
  show()
}

function show(message = '') {
  part('message').textContent = message
  const takesToken = entersToken || !hasAccounts()
  part('sign-in').hidden = signedIn !== null || takesToken
  part('enter-token').hidden = signedIn !== null || !takesToken
  part('have-account').hidden = !hasAccounts()
  part('signed-in').hidden = signedIn === null
  const { email, user = '' } = signedIn ?? {}
  part('who').textContent = email ? `${email} (user ${user})` : user
  for (const [scheme, value] of [
    ['session', signedIn?.session],
    ['token', signedIn?.token],
  ]) {
    if (value) ui.preauthorizeApiKey(scheme, value)
    else if (ui.authSelectors.authorized()?.get(scheme)) ui.authActions.logout([scheme])
  }
}

const hasAccounts = () =>
  '/api/auth/sign-in/email' in (ui.specSelectors.specJson().toJS().paths ?? {})

/** Replaces a token shortly before it expires. */
async function renew(request) {
  const { session, email, token, expiresMs } = signedIn ?? {}
  const isOurs = token !== undefined && request.headers?.Authorization === `Bearer ${token}`
  if (!isOurs || session === undefined || Date.now() < expiresMs - RENEW_BEFORE_MS) return request
  try {
    await openSession(session, email)
    request.headers.Authorization = `Bearer ${signedIn.token}`
  } catch (error) {
    showRenewalFailure(error)
  }
  return request
}

function showRenewalFailure({ message, status }) {
  if (status !== 401) return show(`The token could not be renewed: ${message}`)
  keep(null)
  show(`The session has ended: ${message}`)
}

/** The operations that respond with the token of a new session. */
const OPENS_SESSION = /\/api\/auth\/(sign-(up|in)\/email|change-password)$/

/** Signing up, in or out by an operation of the page is the same as above it. */
function follow(response) {
  const { pathname } = new URL(response.url || here(''))
  if (response.status === 401 && !pathname.includes('/api/auth/')) replaceRefused()
  if (!response.ok) return response
  const { token, user } = response.body ?? {}
  if (OPENS_SESSION.test(pathname) && token) {
    openSession(token, user.email).catch((error) => show(error.message))
  }
  if (pathname.endsWith('/api/auth/sign-out') && signedIn?.session) keep(null)
  return response
}

/** The server can refuse a token before it expires, such as after a change of the password. */
async function replaceRefused() {
  const { session, email } = signedIn ?? {}
  if (session === undefined) return
  try {
    await openSession(session, email)
    show('The server refused the token. There is a new one: execute the request again')
  } catch (error) {
    showRenewalFailure(error)
  }
}

async function signIn(event) {
  event.preventDefault()
  const { email, password } = Object.fromEntries(new FormData(part('sign-in')))
  const isNew = event.submitter?.value === 'sign-up'
  const body = { email, password, ...(isNew && { name: email.split('@')[0] }) }
  const path = isNew ? 'sign-up/email' : 'sign-in/email'
  try {
    const { token } = await sendAccount(path, { body })
    if (token === null) return show('Open the link in the mail that you got, then sign in')
    await openSession(token, email)
    part('sign-in').reset()
  } catch (error) {
    show(error.message)
  }
}

function enterToken(event) {
  event.preventDefault()
  const token = String(new FormData(part('enter-token')).get('token')).trim()
  try {
    const [, claims = ''] = token.split('.')
    const bytes = atob(claims.replaceAll('-', '+').replaceAll('_', '/'))
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
    const { sub } = JSON.parse(text)
    keep({ token, user: sub })
    part('enter-token').reset()
  } catch {
    show('This is not a token')
  }
}

async function signOut() {
  const { session } = signedIn
  keep(null)
  if (session) await sendAccount('sign-out', { session, body: {} }).catch(() => {})
}

/** There is one place to sign in, above the operations. */
const withoutAuthorize = () => ({
  wrapComponents: { authorizeBtn: () => () => null, authorizeOperationBtn: () => () => null },
})

window.addEventListener('load', () => {
  part('sign-in').addEventListener('submit', signIn)
  part('enter-token').addEventListener('submit', enterToken)
  part('sign-out').addEventListener('click', signOut)
  for (const [id, value] of [
    ['have-token', true],
    ['have-account', false],
  ]) {
    part(id).addEventListener('click', () => {
      entersToken = value
      show()
    })
  }
  ui = window.SwaggerUIBundle({
    dom_id: '#swagger-ui',
    url: here('openapi.json'),
    deepLinking: true,
    presets: [window.SwaggerUIBundle.presets.apis],
    plugins: [withoutAuthorize],
    layout: 'BaseLayout',
    validatorUrl: null,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    requestInterceptor: renew,
    responseInterceptor: follow,
    onComplete: () => show(),
  })
})
