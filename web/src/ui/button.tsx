import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components'
import styles from './button.module.css'

interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'style'> {
  readonly look?: 'primary' | 'outlined' | 'danger' | 'icon' | 'small' | 'chip' | 'text' | 'button'
  readonly extraClass?: string | undefined
}

export function Button({ look = 'button', extraClass, ...props }: ButtonProps) {
  return <AriaButton {...props} className={[styles[look], extraClass].filter(Boolean).join(' ')} />
}
