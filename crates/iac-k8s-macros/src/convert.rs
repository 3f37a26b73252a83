//! Turns the value of a field into what the field holds, by calls of `iac_k8s::field`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Macro, Path, Stmt, Token};

use crate::literals::generated;

/// Macros that never give a value.
const DIVERGING: [&str; 5] = ["panic", "todo", "unimplemented", "unreachable", "compile_error"];

/// Converts the value of a field.
pub(crate) fn field(value: &mut Expr) {
    match value {
        Expr::Array(array) => *value = list(array.elems.clone(), array.span()),
        Expr::Macro(call) => {
            if let Some(items) = vec_items(&call.mac) {
                *value = list(items, call.span());
            } else if !DIVERGING.iter().any(|name| call.mac.path.is_ident(name)) {
                wrap(value);
            }
        }
        Expr::If(branch) => {
            // Without an `else` it gives nothing, which the compiler says best.
            if let Some((_, other)) = &mut branch.else_branch {
                block(&mut branch.then_branch);
                field(other);
            }
        }
        Expr::Match(branches) => branches.arms.iter_mut().for_each(|arm| field(&mut arm.body)),
        Expr::Block(inner) if inner.label.is_none() => block(&mut inner.block),
        Expr::Paren(inner) => unpack(&inner.expr.clone(), value),
        Expr::Group(inner) => unpack(&inner.expr.clone(), value),
        Expr::Call(call) if is_some(call) => call.args.iter_mut().for_each(field),
        Expr::MethodCall(call) if is_collect(call) => {
            let (span, receiver) = (generated(call.method.span()), &call.receiver);
            let collect = quote_spanned!(span=> ::iac_k8s::field::collect);
            *value = Expr::Verbatim(quote!(#collect(#receiver)));
        }
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => {}
        typed if takes_its_type_from_the_field(typed) => {}
        _ => wrap(value),
    }
}

fn unpack(inner: &Expr, value: &mut Expr) {
    *value = inner.clone();
    field(value);
}

/// Converts what a block gives.
fn block(block: &mut Block) {
    match block.stmts.last_mut() {
        Some(Stmt::Expr(value, None)) => field(value),
        Some(last @ Stmt::Macro(_)) => {
            if let Stmt::Macro(call) = last
                && call.semi_token.is_none()
            {
                let mut value = Expr::Macro(syn::ExprMacro {
                    attrs: call.attrs.clone(),
                    mac: call.mac.clone(),
                });
                field(&mut value);
                *last = Stmt::Expr(value, None);
            }
        }
        _ => {}
    }
}

/// A list or map of items, each of which is converted by itself; those of maps are pairs.
fn list(items: Punctuated<Expr, Token![,]>, span: proc_macro2::Span) -> Expr {
    let items = items.into_iter().map(|mut item| {
        match &mut item {
            Expr::Tuple(pair) => pair.elems.iter_mut().for_each(field),
            other => field(other),
        }
        item
    });
    let list = quote_spanned!(generated(span)=> ::iac_k8s::field::list);
    Expr::Verbatim(quote!(#list([#(#items),*])))
}

fn wrap(value: &mut Expr) {
    let convert: TokenStream = quote_spanned!(generated(value.span())=> ::iac_k8s::field::IntoField::into_field);
    *value = Expr::Verbatim(quote!(#convert(#value)));
}

/// The items of `vec![a, b]`; none for any other macro, and for `vec![a; n]`.
pub(crate) fn vec_items(call: &Macro) -> Option<Punctuated<Expr, Token![,]>> {
    if !call.path.is_ident("vec") {
        return None;
    }
    Punctuated::parse_terminated.parse2(call.tokens.clone()).ok()
}

/// `Some(value)`: a field that may be absent takes the value alone as well.
fn is_some(call: &ExprCall) -> bool {
    call.args.len() == 1 && matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Some"))
}

/// `iterator.collect()`, without the type to collect into.
fn is_collect(call: &ExprMethodCall) -> bool {
    call.method == "collect" && call.turbofish.is_none() && call.args.is_empty()
}

/// True for what becomes whatever the field is: the compiler could not tell its type behind a conversion.
fn takes_its_type_from_the_field(value: &Expr) -> bool {
    match value {
        Expr::Path(path) => path.path.is_ident("None"),
        Expr::Call(call) => matches!(&*call.func, Expr::Path(path) if path.qself.is_none() && is_default(&path.path)),
        Expr::MethodCall(call) => call.method == "into" && call.args.is_empty(),
        _ => false,
    }
}

/// `Default::default`, by any path.
fn is_default(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "default") && names.next().is_some_and(|name| name == "Default")
}
