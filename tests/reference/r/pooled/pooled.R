# Reference values for models pooled over imputed sets (tests/unit/test_pooled_models.py).
# Run in this folder: Rscript pooled.R   (R 4.2.2, mice 3.15.0, mitml 0.4-4, sandwich 3.0-2, MASS 7.3-58.2)
# Makes completed.csv (five completed sets of the first 240 rows of ../inputs.csv, with holes punched into x, z, form and
# the outcomes) and values.csv.
suppressMessages({
  library(mice)
  library(mitml)
  library(sandwich)
  library(MASS)
})

data <- head(read.csv("../inputs.csv"), 240)
set.seed(8)
n <- nrow(data)
hole <- function(share) runif(n) < share
data$x[hole(0.2)] <- NA
data$z[hole(0.1)] <- NA
data$form[hole(0.08)] <- NA
data$growth[hole(0.1)] <- NA
data$equity[hole(0.1)] <- NA
data$stage[hole(0.1)] <- NA
data$form <- factor(data$form, levels = c("single", "hybrid", "interrupted"))
imputed <- mice(data, m = 5, maxit = 5, method = "pmm", printFlag = FALSE, seed = 8,
                predictorMatrix = quickpred(data, mincor = 0, exclude = c("firm")))
sets <- lapply(1:5, function(i) complete(imputed, i))
stacked <- do.call(rbind, lapply(1:5, function(i) cbind(set = i, sets[[i]])))
write.csv(stacked, "completed.csv", row.names = FALSE, quote = FALSE, eol = "\n")

rhs <- "form * x + I(x^2) + z + factor(wave)"
results <- NULL
rename <- function(terms) {
  terms <- sub("^\\(Intercept\\)$", "Intercept", terms)
  terms <- gsub("form(hybrid|interrupted)", "form[\\1]", terms)
  terms <- gsub("factor\\(wave\\)([0-9])", "wave[\\1]", terms)
  terms <- sub("I\\(x\\^2\\)", "I(x ^ 2)", terms)
  sub("^([0-9])\\|([0-9])$", "threshold[\\1|\\2]", terms)
}
keep <- function(model, quantity, values, terms = names(values)) {
  rows <- data.frame(model = model, quantity = quantity, term = rename(as.character(terms)), value = sprintf("%.15g", values))
  results <<- rbind(results, rows)
}
keep_pooled <- function(model, pooled) {
  table <- pooled$pooled
  keep(model, "estimate", table$estimate, table$term)
  keep(model, "std_error", sqrt(table$t), table$term)
  keep(model, "df", table$df, table$term)
  keep(model, "fmi", table$fmi, table$term)
}

# Least squares: classical, n - k degrees of freedom.
fits <- lapply(sets, function(d) lm(as.formula(paste("growth ~", rhs)), d))
keep_pooled("ols", pool(as.mira(fits)))
keep("ols", "fit", pool.r.squared(as.mira(fits))[1, "est"], "r_squared")
smaller <- lapply(sets, function(d) lm(growth ~ form + z, d))
joint <- testModels(fits, smaller, method = "D1", df.com = fits[[1]]$df.residual)$test
keep("ols", "change", joint[1, 1:4], c("f_change", "f_df1", "f_df2", "f_p_value"))

# The same with clustered errors, a coefficient at a time; G - 1 degrees of freedom.
groups <- length(unique(data$firm))
names_of <- names(coef(fits[[1]]))
for (term in names_of) {
  values <- sapply(fits, function(fit) coef(fit)[[term]])
  squares <- mapply(function(fit, d) vcovCL(fit, cluster = d$firm)[term, term], fits, sets)
  one <- pool.scalar(values, squares, n = groups, k = 1)
  keep("ols cluster", "std_error", sqrt(one$t), term)
  keep("ols cluster", "df", one$df, term)
  keep("ols cluster", "fmi", one$fmi, term)
}

# Logit and ordered logit: normal reference, so complete-data degrees of freedom are infinite.
tight <- list(epsilon = 1e-14, maxit = 100)
logits <- lapply(sets, function(d) {
  fit <- glm(as.formula(paste("equity ~", rhs)), binomial, d, control = tight)
  glm(as.formula(paste("equity ~", rhs)), binomial, d, control = tight, start = coef(fit))
})
keep_pooled("logit", pool(as.mira(logits), dfcom = Inf))
ordered <- lapply(sets, function(d) {
  d$ordered <- factor(d$stage)
  fit <- eval(bquote(polr(.(as.formula(paste("ordered ~", rhs))), d, Hess = TRUE,
                          control = list(reltol = 1e-25, maxit = 5000, ndeps = rep(1e-5, 14)))))
  fit
})
both <- function(fit) c(coef(fit), fit$zeta)
for (term in names(both(ordered[[1]]))) {
  values <- sapply(ordered, function(fit) both(fit)[[term]])
  squares <- sapply(ordered, function(fit) vcov(fit)[term, term])
  one <- pool.scalar(values, squares, n = Inf, k = 1)
  keep("ordered_logit", "estimate", one$qbar, term)
  keep("ordered_logit", "std_error", sqrt(one$t), term)
  keep("ordered_logit", "df", one$df, term)
  keep("ordered_logit", "fmi", one$fmi, term)
}

# A contrast of average adjusted predictions of the logit, in each set with that set's rows.
at_form <- function(d, level) {
  changed <- d
  changed$form <- factor(level, levels = levels(data$form))
  model.matrix(as.formula(paste("~", rhs)), changed)
}
contrast <- mapply(function(fit, d) {
  at <- lapply(levels(data$form), function(level) at_form(d, level))
  value <- function(b) mean(plogis(at[[2]] %*% b)) - (mean(plogis(at[[1]] %*% b)) + mean(plogis(at[[3]] %*% b))) / 2
  gradient <- sapply(seq_along(coef(fit)), function(i) {
    step <- 1e-5
    up <- down <- coef(fit)
    up[i] <- up[i] + step
    down[i] <- down[i] - step
    (value(up) - value(down)) / (2 * step)
  })
  c(value(coef(fit)), drop(gradient %*% vcov(fit) %*% gradient))
}, logits, sets)
one <- pool.scalar(contrast[1, ], contrast[2, ], n = Inf, k = 1)
keep("logit", "hybrid minus others", c(one$qbar, sqrt(one$t), one$df, one$fmi), c("estimate", "std_error", "df", "fmi"))

write.csv(results, "values.csv", row.names = FALSE, quote = TRUE, eol = "\n")
