import type { Accounts } from '@todo-backend/client/accounts'
import { type MouseEvent, useEffect, useState } from 'react'
import { BASE, urlOf } from '../shell/routes.ts'
import type { User } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { Field } from '../ui/field.tsx'
import { LogoIcon } from '../ui/icons.tsx'
import { AccountForm } from './account-form.tsx'
import styles from './forms.module.css'

const texts = strings.session
type Form = 'sign-in' | 'sign-up' | 'forgot-password' | 'reset-password'
const FORMS = ['sign-in', 'sign-up', 'forgot-password', 'reset-password'] as const

interface SignInProps {
  readonly accounts: Accounts
  /** Why the form is there, such as that the session has ended, until the person has gone to another form. */
  readonly reason: string | null
  /** The address of the session that has ended. */
  readonly email?: string
  /** To do before somebody signs in. */
  onStart(): Promise<void>
  onEnter(user: User): Promise<void>
  /** Shows the tasks of the person who is signed in; undefined if nobody is. */
  readonly onBack?: () => void
}

/** A link of a mail that is not valid any more leads to the form that asks for another one. */
function formOfPath(): Form {
  const last = location.pathname.split('/').at(-1)
  const form = FORMS.find((one) => one === last) ?? 'sign-in'
  return form === 'reset-password' && !hasResetToken() ? 'forgot-password' : form
}

/** Whether the address is that to which the link of a mail leads, for a new password. */
export function hasResetToken(): boolean {
  return location.pathname === `${BASE}/reset-password` && linkParameters().has('token')
}

/** The parameters that the server adds to the address of a link in a mail: a token, or an error. */
function linkParameters(): URLSearchParams {
  return new URLSearchParams(location.search)
}

/** Whether the link of a mail has led here because it is not valid. */
export function hasInvalidLink(): boolean {
  return linkParameters().has('error')
}

function noteOfLink(): string | undefined {
  if (hasInvalidLink()) return texts.linkInvalid
  return linkParameters().has('verified') ? texts.verified : undefined
}

/** The page of a person who is signed out: four forms, each with an address. */
export function SignIn({ accounts, reason, email = '', onStart, onEnter, onBack }: SignInProps) {
  const [form, setForm] = useState(formOfPath)
  const [own, setNote] = useState<string | null | undefined>(noteOfLink)
  const note = own === undefined ? reason : own

  useEffect(() => {
    const read = () => setForm(formOfPath())
    window.addEventListener('popstate', read)
    return () => window.removeEventListener('popstate', read)
  }, [])
  useEffect(() => {
    document.title = `${form === 'sign-up' ? texts.signUp : texts.signIn} · ${strings.product}`
  }, [form])

  function go(next: Form, message: string | null = null): void {
    history.pushState(null, '', `${BASE}/${next}`)
    setNote(message)
    setForm(next)
  }

  const link = (to: Form, text: string) => linkTo(to, text, () => go(to))
  const linkTo = (path: string, text: string, follow: () => void) => (
    <a
      href={`${BASE}/${path}`}
      onClick={(event: MouseEvent) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        follow()
      }}
    >
      {text}
    </a>
  )

  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <LogoIcon size={28} />
          {strings.product}
        </p>
        {note !== null && (
          <p className={styles.notice} role="status">
            {note}
          </p>
        )}
        {form === 'sign-in' && (
          <>
            <h1>{email === '' ? texts.signIn : texts.welcome}</h1>
            <AccountForm
              key={form}
              submit={texts.signIn}
              run={async (text) => {
                await onStart()
                await onEnter(
                  await accounts.signIn({
                    ...{ email: text('email'), password: text('password') },
                    // For the mail that the server sends if the address is not confirmed.
                    callbackURL: urlOf('sign-in?verified'),
                  }),
                )
              }}
            >
              <Field
                name="email"
                label={texts.email}
                type="email"
                autoComplete="username"
                defaultValue={email}
                autoFocus={email === ''}
                required
              />
              <Field
                name="password"
                label={texts.password}
                type="password"
                autoComplete="current-password"
                autoFocus={email !== ''}
                required
              />
            </AccountForm>
            <p className={styles.links}>{link('forgot-password', texts.forgot)}</p>
            <p className={styles.newcomer}>
              {texts.noAccount} {link('sign-up', texts.signUp)}
            </p>
          </>
        )}
        {form === 'sign-up' && (
          <>
            <h1>{texts.begin}</h1>
            <p className={styles.promise}>{texts.promise}</p>
            <AccountForm
              key={form}
              submit={texts.signUp}
              run={async (text) => {
                await onStart()
                const { user, signedIn } = await accounts.signUp({
                  ...{ name: text('name'), email: text('email'), password: text('password') },
                  callbackURL: urlOf('sign-in?verified'),
                })
                if (signedIn) await onEnter(user)
                else go('sign-in', texts.verify)
              }}
            >
              <Field
                name="name"
                label={texts.name}
                type="text"
                autoComplete="name"
                autoFocus
                required
              />
              <Field
                name="email"
                label={texts.email}
                type="email"
                autoComplete="username"
                required
              />
              <Field
                name="password"
                label={texts.password}
                type="password"
                autoComplete="new-password"
                minLength={8}
                hint={texts.passwordHint}
                required
              />
            </AccountForm>
            <p className={styles.links}>
              {texts.haveAccount} {link('sign-in', texts.signIn)}
            </p>
          </>
        )}
        {form === 'forgot-password' && (
          <>
            <h1>{texts.forgotTitle}</h1>
            <p className={styles.promise}>{texts.forgotHint}</p>
            <AccountForm
              key={form}
              submit={texts.sendLink}
              run={async (text) => {
                const redirectTo = urlOf('reset-password')
                await accounts.requestPasswordReset({ email: text('email'), redirectTo })
                setNote(texts.linkSent)
              }}
            >
              <Field
                name="email"
                label={texts.email}
                type="email"
                autoComplete="username"
                autoFocus
                required
              />
            </AccountForm>
            <p className={styles.links}>{link('sign-in', texts.back)}</p>
          </>
        )}
        {form === 'reset-password' && (
          <>
            <h1>{texts.choose}</h1>
            <AccountForm
              key={form}
              submit={texts.save}
              run={async (text) => {
                const token = linkParameters().get('token') ?? ''
                await accounts.resetPassword({ newPassword: text('password'), token })
                go('sign-in', texts.saved)
              }}
            >
              <Field
                name="password"
                label={texts.newPassword}
                type="password"
                autoComplete="new-password"
                minLength={8}
                hint={texts.passwordHint}
                autoFocus
                required
              />
            </AccountForm>
            <p className={styles.links}>
              {onBack ? linkTo('inbox', texts.backToTasks, onBack) : link('sign-in', texts.back)}
            </p>
          </>
        )}
      </div>
    </main>
  )
}
