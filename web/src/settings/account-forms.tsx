import { type FormEvent, type ReactNode, useState } from 'react'
import { rememberUser } from '../session/remembered-user.ts'
import { type FieldText, useSending } from '../session/use-sending.ts'
import { urlOf } from '../shell/routes.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Field } from '../ui/field.tsx'
import styles from './settings.module.css'

const texts = strings.settings

interface SettingFormProps {
  readonly title: string
  readonly submit: string
  readonly saved: string
  readonly look?: 'outlined' | 'danger'
  readonly children: ReactNode
  run(text: FieldText): Promise<void>
}

function SettingForm(props: SettingFormProps) {
  const { title, submit: label, saved, look = 'outlined', children, run } = props
  const { submit, error, isBusy } = useSending(run)
  const [isSaved, setSaved] = useState(false)

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    const form = event.currentTarget
    setSaved(false)
    if (!(await submit(event))) return
    setSaved(true)
    form.reset()
  }

  return (
    <form className={styles.section} onSubmit={(event) => void send(event)}>
      <h2>{title}</h2>
      {children}
      <p role="status" className={error === null ? styles.saved : styles.error}>
        {error ?? (isSaved ? saved : null)}
      </p>
      <div>
        <Button look={look} type="submit" isPending={isBusy}>
          {label}
        </Button>
      </div>
    </form>
  )
}

export function NameForm() {
  const { accounts, user } = useWorkspace()
  const [name, setName] = useState(user.name)
  return (
    <SettingForm
      title={texts.profile}
      submit={texts.save}
      saved={texts.saved}
      run={async (text) => {
        const next = text('name')
        await accounts.changeName(next)
        rememberUser({ ...user, name: next })
        setName(next)
      }}
    >
      <Field
        key={name}
        name="name"
        label={strings.session.name}
        type="text"
        defaultValue={name}
        autoComplete="name"
        required
      />
    </SettingForm>
  )
}

export function PasswordForm() {
  const { accounts } = useWorkspace()
  return (
    <SettingForm
      title={texts.password}
      submit={texts.change}
      saved={texts.saved}
      run={(text) =>
        accounts.changePassword({
          currentPassword: text('current-password'),
          newPassword: text('new-password'),
        })
      }
    >
      <Field
        name="current-password"
        label={texts.currentPassword}
        type="password"
        autoComplete="current-password"
        required
      />
      <Field
        name="new-password"
        label={texts.newPassword}
        type="password"
        autoComplete="new-password"
        minLength={8}
        hint={strings.session.passwordHint}
        required
      />
    </SettingForm>
  )
}

export function EmailForm() {
  const { accounts } = useWorkspace()
  return (
    <SettingForm
      title={texts.email}
      submit={texts.change}
      saved={texts.emailSent}
      run={(text) =>
        accounts.changeEmail({
          newEmail: text('email'),
          callbackURL: urlOf('settings'),
        })
      }
    >
      <Field
        name="email"
        label={texts.newEmail}
        type="email"
        autoComplete="email"
        hint={texts.emailHint}
        required
      />
    </SettingForm>
  )
}

export function DeleteAccount() {
  const { accounts, forget } = useWorkspace()
  const [asked, setAsked] = useState<{ password: string; done(error?: unknown): void } | null>(null)
  return (
    <>
      <SettingForm
        title={texts.danger}
        submit={texts.deleteButton}
        saved=""
        look="danger"
        run={(text) =>
          new Promise((resolve, reject) => {
            const password = text('password')
            setAsked({
              password,
              done: (error) => (error === undefined ? resolve() : reject(error)),
            })
          })
        }
      >
        <p className={styles.hint}>{texts.dangerHint}</p>
        <Field
          name="password"
          label={strings.session.password}
          type="password"
          autoComplete="current-password"
          required
        />
      </SettingForm>
      {asked !== null && (
        <Confirm
          title={texts.deleteTitle}
          body={texts.dangerHint}
          action={texts.deleteButton}
          onCancel={() => {
            asked.done()
            setAsked(null)
          }}
          onConfirm={() => {
            setAsked(null)
            accounts
              .deleteAccount({ password: asked.password })
              .then(forget)
              .then(() => asked.done(), asked.done)
          }}
        />
      )}
    </>
  )
}
