import type { paths } from '../api.ts'

type Path = keyof paths & string
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
type OperationAt<At extends Path, Verb extends Method> = NonNullable<paths[At][Verb]>
type EndpointAt<At extends Path> = {
  [Verb in Method]: [OperationAt<At, Verb>] extends [never] ? never : `${Uppercase<Verb>} ${At}`
}[Method]

/** An operation of the OpenAPI document, such as `GET /api/{user_id}/tasks/{id}`. */
export type Endpoint<At extends Path = Path> = { [P in At]: EndpointAt<P> }[At]
/** An operation on tasks, which takes a token. */
export type TaskEndpoint = Endpoint<Path & `/api/{user_id}/${string}`>
/** An operation on accounts, which takes a session. */
export type AccountEndpoint = Endpoint<Path & `/api/auth/${string}`>

type Operation<E> = E extends `${infer Verb} ${infer At extends Path}`
  ? OperationAt<At, Lowercase<Verb> & Method>
  : never

type Parameter<E, In extends string> =
  Operation<E> extends { parameters: { [P in In]?: infer Values } } ? NonNullable<Values> : never
type Json<Media> = Media extends { content: { 'application/json': infer Body } } ? Body : never
type RequestBody<E> =
  Operation<E> extends { requestBody?: infer Media } ? Json<NonNullable<Media>> : never

/** A member that may be left out if everything in it may, and that must be left out if the endpoint has none. */
type Member<Name extends string, Value> = [Value] extends [never]
  ? { readonly [N in Name]?: never }
  : Record<never, never> extends Value
    ? { readonly [N in Name]?: Value }
    : { readonly [N in Name]: Value }

/** Headers that the client sets itself, or that would make the response another one than its type says. */
type Unavailable = 'if-none-match' | 'last-event-id'

/** The parts of a request as the OpenAPI document has them. */
export type RequestParts<E> = Member<'params', Omit<Parameter<E, 'path'>, 'user_id'>> &
  Member<'query', Parameter<E, 'query'>> &
  Member<'headers', Omit<Parameter<E, 'header'>, Unavailable>> &
  Member<'body', RequestBody<E>>

type Responses<E> = Operation<E> extends { responses: infer All } ? All : never
/** The body of a successful response; undefined where it has none. */
export type ResponseBody<E> =
  Responses<E> extends { 204: unknown }
    ? undefined
    : Json<Responses<E>[keyof Responses<E> & (200 | 201)]>

/** Options that may be left out together if nothing in them is required. */
export type Rest<Options> =
  Record<never, never> extends Options ? [options?: Options] : [options: Options]

/** The parts of any request. The types of the caller have checked them against its endpoint. */
export interface LooseParts {
  readonly params?: Readonly<Record<string, string | undefined>> | undefined
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly body?: unknown
}

export interface PlainRequest {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body?: string
}

/** @param baseUrl where the server is, such as `https://example.com/todo`, or empty on its own pages. */
export function toRequest(baseUrl: string, endpoint: string, parts: LooseParts): PlainRequest {
  const [method = '', path = ''] = endpoint.split(' ')
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parts.params?.[name] ?? ''),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parts.query ?? {})) {
    if (value !== undefined) query.set(name, String(value))
  }
  const headers = new Headers({ accept: 'application/json' })
  for (const [name, value] of Object.entries(parts.headers ?? {})) {
    if (value !== undefined) headers.set(name, value)
  }
  const search = String(query)
  const url = `${baseUrl.replace(/\/+$/, '')}${target}${search && `?${search}`}`
  if (parts.body === undefined) return { url, method, headers }
  headers.set('content-type', 'application/json')
  return { url, method, headers, body: JSON.stringify(parts.body) }
}
