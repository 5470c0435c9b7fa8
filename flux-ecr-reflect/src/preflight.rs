//! Whether an identity may do what reading an image takes, step by step.

use flux_aws_auth::Reason;
use flux_aws_auth::doctor::{Area, Finding, Severity};
use flux_aws_auth::iam::{PermissionPolicy, PolicyDocument};

use crate::denial::Denial;
use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::tags::ecr_error::Operation;

/// What an identity may do with an image, found out by doing it: [`Reflector::preflight`](crate::Reflector::preflight), and
/// [`preflight_for`](crate::Reflector::preflight_for) a policy.
///
/// Three things look alike in a log and are mended in three places: the identity may not log in, it may not read this
/// repository, or the repository's own policy keeps it out. [`Error::denial`] tells which it is.
///
/// ```
/// use flux_aws_auth::doctor::Examination;
/// use flux_ecr_reflect::{Error, ImageName, Reflector};
///
/// /// Adds what ECR says to what a doctor has found.
/// async fn ask_ecr(
///     reflector: &Reflector,
///     image: &ImageName,
///     examination: &mut Examination,
/// ) -> Result<(), Error> {
///     for finding in reflector.preflight(image).await?.findings() {
///         examination.add(finding);
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Preflight {
    pub(crate) image: ImageName,
    pub(crate) login: Result<(), Error>,
    pub(crate) operation: Operation,
    pub(crate) listing: Result<(), Error>,
}

impl Preflight {
    /// Whether the identity may log in to the registry (`ecr:GetAuthorizationToken`). Flux itself and every pull of an image
    /// need it; the listings of this crate do not.
    ///
    /// # Errors
    ///
    /// Why it may not, or why it could not be found out.
    pub fn login(&self) -> Result<(), &Error> {
        self.login.as_ref().copied()
    }

    /// Whether the identity may list the repository's tags: `ecr:ListImages`, or `ecr:DescribeImages` for a policy that needs push
    /// times.
    ///
    /// # Errors
    ///
    /// Why it may not, or why it could not be found out.
    pub fn listing(&self) -> Result<(), &Error> {
        self.listing.as_ref().copied()
    }

    /// Whether both went well.
    pub fn is_ok(&self) -> bool {
        self.login.is_ok() && self.listing.is_ok()
    }

    /// The permission policy that an identity needs for this image, and for nothing else: the actions that Flux's page
    /// lists. `None` where the repository's name cannot stand in a policy.
    pub fn permission_policy(&self) -> Option<PolicyDocument> {
        let arn = self.image.ecr_registry().ok()?.repository_arn(self.image.repository());
        Some(PermissionPolicy::ecr([arn.parse().ok()?]).ok()?.flux_documented().clone())
    }

    /// The same as findings of a [`Doctor`](flux_aws_auth::doctor::Doctor).
    pub fn findings(&self) -> Vec<Finding> {
        let may_list = format!("the identity may list the {} of {}", self.operation.listed(), self.image);
        vec![
            finding("ecr:GetAuthorizationToken", self.login(), "the identity may log in"),
            finding(self.operation.action(), self.listing(), &may_list),
        ]
    }
}

fn finding(action: &str, result: Result<(), &Error>, fine: &str) -> Finding {
    let area = Area::Other("registry");
    let Err(error) = result else { return Finding::new(Severity::Ok, area, action, fine) };
    let text = match error.denial() {
        Some(denial) => format!("{denial}: {error}"),
        None => error.to_string(),
    };
    let finding = Finding::new(Severity::Problem, area, action, text);
    let finding = match reason(error.kind()) {
        Some(reason) => finding.with_reason(reason),
        None => finding,
    };
    let hint = error.hint().unwrap_or_default();
    match error.denial() {
        Some(Denial::NoRepositoryPermission) => finding.with_hint(format!(
            "{hint} If a policy names it already, compare its ARN with this one, part by part: region, account, `repository/`, \
             the whole name."
        )),
        Some(Denial::RepositoryPolicy) => {
            finding.with_hint(format!("Change the repository's own policy, in its account. {hint}"))
        }
        _ if hint.is_empty() => finding,
        _ => finding.with_hint(hint),
    }
}

fn reason(kind: ErrorKind) -> Option<Reason> {
    Some(match kind {
        ErrorKind::AccessDenied => Reason::AccessDenied,
        ErrorKind::Throttled => Reason::Throttled,
        ErrorKind::Unavailable => Reason::Unavailable,
        ErrorKind::Configuration => Reason::InvalidConfiguration,
        ErrorKind::InvalidResponse => Reason::MalformedAnswer,
        ErrorKind::Credentials
        | ErrorKind::NotFound
        | ErrorKind::Policy
        | ErrorKind::Storage
        | ErrorKind::Damaged => return None,
    })
}
